"""Wrong options of a question about a class."""

import random
from collections.abc import Callable, Sequence

from mma_bench.errors import MMABenchError
from mma_bench.parsing._options import compile_options

Similar = Callable[[str, Sequence[str]], Sequence[float]]
"""Returns how similar a class is to each of others, by their names."""


def check_classes(names: Sequence[str], where: str) -> None:
    """Check that ``names`` are two or more classes that an answer can tell apart.

    Raises:
        MMABenchError: they are not.
    """
    if len(names) < 2:
        raise MMABenchError(
            f"{where} has {len(names)} class{'es' * (not names)}{f' ({names[0]})' if names else ''}; a question needs "
            "two, each a subfolder (or a label) with at least one picture or sound"
        )
    try:
        compile_options(list(names), None)
    except MMABenchError as error:
        raise MMABenchError(f"{where}: two of its classes read alike; rename or merge them ({error})") from error


def draw_options(
    answer: str, classes: Sequence[str], count: int, generator: random.Random, similar: Similar | None
) -> list[str]:
    """Return ``count`` options in random order, or all classes if there are fewer.

    Args:
        answer: the right one.
        classes: all classes.
        count: number of options.
        generator: decides order and, without ``similar``, the wrong options.
        similar: picks the most similar classes instead.
    """
    others = [name for name in classes if name != answer]
    wanted = min(count - 1, len(others))
    if similar is None:
        chosen = generator.sample(others, wanted)
    else:
        scores = similar(answer, others)
        ranked = sorted(zip(others, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))
        chosen = [name for name, _ in ranked[:wanted]]
    return generator.sample([answer, *chosen], wanted + 1)


def by_name() -> Similar:
    """Return the similarity of names by the cascade's text-embedding model.

    Raises:
        MMABenchError: its packages are not installed.
    """
    import numpy as np
    from numpy.typing import NDArray

    from mma_bench.extras import needs

    with needs("hard distractors", "models"):
        from mma_bench.models.cascade.text_matcher import TextMatcher

    matcher, known = TextMatcher(threads=1), dict[tuple[str, ...], NDArray[np.float32]]()

    def similar(name: str, others: Sequence[str]) -> Sequence[float]:
        key = tuple(sorted({name, *others}))
        if key not in known:
            known[key] = matcher.likeness([one.replace("_", " ") for one in key], key)
        places = {one: place for place, one in enumerate(key)}
        row = known[key][places[name]]
        return [float(row[places[other]]) for other in others]

    return similar
