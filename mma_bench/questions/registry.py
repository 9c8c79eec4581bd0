"""The registry of variants, and how one is made of a standard question.

A new variant is one function with the decorator `variant`, here or in a package of your own that names it in an entry
point of the group `mma_bench.variants`.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mma_bench.errors import MMABenchError, unknown
from mma_bench.questions.prompts import settled
from mma_bench.registry import Registry
from mma_bench.schema import Question

STANDARD = "standard"
"""The wording of the paper, which all others are made of."""

_NUMBERED = re.compile(r"([a-z_]+)_([1-9][0-9]{0,6})")


@dataclass(frozen=True)
class Context:
    """What a variant may draw on.

    Attributes:
        classes: all class names of the dataset.
        super_classes: super-class of each class, such as `Benchmark.super_classes`; may be empty.
        seed: same seed, same questions.
    """

    classes: Sequence[str]
    super_classes: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0


Change = Callable[[Question, Context, random.Random, int], Question]
"""Returns the question in another wording, given a generator of its own and the number in the variant's name, or 0."""


@dataclass(frozen=True)
class Variant:
    """A way to word a question.

    Attributes:
        name: its name; one with a number is asked for as `{name}_{number}`, such as `shuffled_options_2`.
        description: what it does, for people.
        numbered: whether the name takes a number.
        applies: whether a standard question can be worded so.
        change: makes the question.
    """

    name: str
    description: str
    numbered: bool
    applies: Callable[[Question], bool]
    change: Change


VARIANTS: Registry[Variant] = Registry("variant", "variants")
"""All variants by their names, without the numbers."""


def variant(applies: Callable[[Question], bool], *, numbered: bool = False) -> Callable[[Change], Change]:
    """Register a function as the variant of its name, described by the first line of its docstring."""

    def register(function: Change) -> Change:
        name = function.__name__
        description = (function.__doc__ or "").split("\n")[0]
        VARIANTS.add(name, Variant(name, description, numbered, applies, function), function)
        return function

    return register


@variant(lambda question: True)
def standard(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The wording of the paper."""
    return question


def find_variant(name: str) -> tuple[Variant, int]:
    """Return the variant called ``name`` and the number in it (0 if it takes none).

    Raises:
        MMABenchError: there is no such variant.
    """
    found = VARIANTS.get(name)
    if found and not found.numbered:
        return found, 0
    if (match := _NUMBERED.fullmatch(name)) and (found := VARIANTS.get(match[1])) and found.numbered:
        return found, int(match[2])
    known = [f"{known.name}_N" if known.numbered else known.name for known in VARIANTS.values()]
    raise MMABenchError(f"{unknown('there is no variant', name, known)} (N from 1)")


def applies(question: Question, variant: str) -> bool:
    """Return whether the standard ``question`` can be worded as ``variant``: a caption's wording needs a caption.

    Raises:
        MMABenchError: there is no such variant.
    """
    return find_variant(variant)[0].applies(question)


def vary(question: Question, variant: str, context: Context) -> Question:
    """Return the standard ``question`` worded as ``variant``; same arguments, same question.

    Both questions of a stimulus, and those of the text conditions on it, are drawn alike: they keep one order of
    options, so that their answers can be compared.

    Raises:
        MMABenchError: there is no such variant, or ``question`` cannot be worded so.
    """
    found, number = find_variant(variant)
    if question.variant != STANDARD:
        raise MMABenchError(
            f"{question.question_id} is not a standard question; derive {variant} from the standard one"
        )
    if not found.applies(question):
        raise MMABenchError(f"{question.question_id}: {variant} does not apply to a question of {question.condition}")
    if variant == STANDARD:
        return question
    stimulus = question.question_id.partition("/")[0]
    generator = random.Random(f"{context.seed}/{variant}/{stimulus}")  # noqa: S311
    worded = found.change(question, context, generator, number)
    return settled(worded).changed(variant=variant, question_id=f"{question.question_id}/{variant}")
