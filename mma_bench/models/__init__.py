"""Models behind one interface, loaded by a short name.

`cascade`, `baseline:majority`, `baseline:random`, `baseline:visual-only`, `baseline:audio-only`.
"""

from collections.abc import Callable

from mma_bench.errors import MMABenchError
from mma_bench.models.interface import Answer, Model

__all__ = ["Answer", "Model", "load"]


def _baseline(rest: str) -> Model:
    from mma_bench.models.baselines import make_baseline

    return make_baseline(rest)


def _cascade(rest: str) -> Model:
    from mma_bench.models.cascade_model import CascadeModel

    if rest:
        raise MMABenchError(f"the cascade takes no name, got {rest!r}; write `cascade`")
    return CascadeModel()


_FAMILIES: dict[str, Callable[[str], Model]] = {"baseline": _baseline, "cascade": _cascade}


def load(name: str) -> Model:
    """Return the model called ``name``, such as `cascade` or `baseline:majority`.

    Raises:
        MMABenchError: no model has that name, or what it needs is not installed.
    """
    family, _, rest = name.partition(":")
    if family not in _FAMILIES:
        raise MMABenchError(f"unknown model {name!r}; models begin with {', '.join(sorted(_FAMILIES))}")
    return _FAMILIES[family](rest)
