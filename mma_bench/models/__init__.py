"""Models behind one interface, loaded by a short name.

`cascade`, `baseline:majority`, `baseline:random`, `baseline:visual-only`, `baseline:audio-only`,
`transformers:Qwen/Qwen2.5-Omni-7B`, `transformers:/folder/of/a/checkpoint`,
`openai:MODEL@http://HOST:PORT/v1`, `gemini:MODEL`.
"""

from collections.abc import Callable, Mapping

from mma_bench.errors import MMABenchError
from mma_bench.extras import needs
from mma_bench.models.answers import Answer
from mma_bench.models.checks import Check, CheckAnswer
from mma_bench.models.interface import Model
from mma_bench.suggestions import did_you_mean

__all__ = ["Answer", "Check", "CheckAnswer", "Model", "load"]


def _baseline(rest: str, options: Mapping[str, str]) -> Model:
    from mma_bench.models.baselines import make_baseline

    _no_options("a baseline", options)
    return make_baseline(rest)


def _cascade(rest: str, options: Mapping[str, str]) -> Model:
    _no_options("the cascade", options)
    if rest:
        raise MMABenchError(f"the cascade takes no name, got {rest!r}; write `cascade`")
    with needs("the cascade", "models"):
        from mma_bench.models.cascade_model import CascadeModel

        return CascadeModel()


def _transformers(rest: str, options: Mapping[str, str]) -> Model:
    with needs("transformers models", "models"):
        from mma_bench.models.transformers_omni.model import TransformersOmni

        return TransformersOmni(rest, options)


def _openai(rest: str, options: Mapping[str, str]) -> Model:
    from mma_bench.models.openai_endpoint import make_openai

    return make_openai(rest, options)


def _gemini(rest: str, options: Mapping[str, str]) -> Model:
    from mma_bench.models.gemini import make_gemini

    return make_gemini(rest, options)


_FAMILIES: dict[str, Callable[[str, Mapping[str, str]], Model]] = {
    "baseline": _baseline,
    "cascade": _cascade,
    "transformers": _transformers,
    "gemini": _gemini,
    "openai": _openai,
}


def load(name: str, options: Mapping[str, str] | None = None) -> Model:
    """Return the model called ``name``, such as `cascade` or `baseline:majority`.

    Args:
        name: family and name, joined by a colon.
        options: settings of the model by name, as text.

    Raises:
        MMABenchError: no model has that name or such a setting, or what it needs is not installed.
    """
    family, _, rest = name.partition(":")
    if family not in _FAMILIES:
        forms = ["cascade", *(f"{each}:..." for each in sorted(_FAMILIES) if each != "cascade")]
        meant = did_you_mean(family, _FAMILIES)
        raise MMABenchError(f"unknown model {name!r}{meant or ';'} Known: {', '.join(forms)}")
    return _FAMILIES[family](rest, options or {})


def _no_options(family: str, options: Mapping[str, str]) -> None:
    if options:
        raise MMABenchError(f"{family} has no option {min(options)!r}; leave --model-option out")
