"""Models behind one interface, loaded by a short name.

`cascade`, `fusion`, `baseline:majority`, `baseline:random`, `baseline:visual-only`, `baseline:audio-only`,
`transformers:Qwen/Qwen2.5-Omni-7B`, `transformers:/folder/of/a/checkpoint`,
`openai:MODEL@http://HOST:PORT/v1`, `gemini:MODEL`, `python:package.module:Class`, `python:FILE.py:Class`, and the
models of packages that declare an entry point in the group `mma_bench.models`. Each with `+prompt`, `+solo`,
`+contrast` or `+adaptive` is a model made of it without training, see `mma_bench.models.wrappers`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mma_bench.errors import MMABenchError, did_you_mean
from mma_bench.extras import needs
from mma_bench.models.answers import Answer
from mma_bench.models.checks import Check, CheckAnswer
from mma_bench.models.interface import Model
from mma_bench.models.own import name_after
from mma_bench.registry import Registry

__all__ = ["MODELS", "Answer", "Check", "CheckAnswer", "Model", "load", "model_class", "preview"]

Family = Callable[[], type[Model]]
"""Imports the class of a family of models and returns it."""


def _adopt(found: Any) -> Family:
    if not (isinstance(found, type) and issubclass(found, Model)):
        raise TypeError("it is not a subclass of mma_bench.models.Model")
    return lambda: found


MODELS: Registry[Family] = Registry("model", "models", adopt=_adopt)
"""The families of models: the part of a model's name before the colon."""


_ALONE = ("cascade", "fusion")
"""Families whose name is the whole name of a model."""


def _family(name: str) -> Callable[[Family], Family]:
    def register(function: Family) -> Family:
        MODELS.add(name, function, function)
        return function

    return register


@_family("cascade")
def _cascade() -> type[Model]:
    """cascade: an audio tagger, an image classifier and a text matcher; runs on the CPU."""
    with needs("the cascade", "models"):
        from mma_bench.models.cascade.model import CascadeModel

        return CascadeModel


@_family("fusion")
def _fusion() -> type[Model]:
    """fusion: the specialists of the cascade, their evidence and the prompt's text added up; runs on the CPU."""
    with needs("fusion", "models"):
        from mma_bench.models.fusion import FusionModel

        return FusionModel


@_family("baseline")
def _baseline() -> type[Model]:
    """baseline:NAME: a rule that reads labels (majority, random, visual-only, audio-only)."""
    from mma_bench.models.baselines import Baseline

    return Baseline


@_family("gemini")
def _gemini() -> type[Model]:
    """gemini:MODEL: a model behind the Gemini API."""
    from mma_bench.models.endpoint.gemini import GeminiModel

    return GeminiModel


@_family("openai")
def _openai() -> type[Model]:
    """openai:MODEL@URL: a model behind an OpenAI-compatible server."""
    from mma_bench.models.endpoint.openai_endpoint import OpenAIModel

    return OpenAIModel


@_family("transformers")
def _transformers() -> type[Model]:
    """transformers:NAME or transformers:FOLDER: an Omni checkpoint of the transformers library."""
    with needs("transformers models", "models"):
        from mma_bench.models.omni.model import TransformersOmni

        return TransformersOmni


@_family("python")
def _python() -> type[Model]:
    """python:MODULE:CLASS or python:FILE.py:CLASS: a class of your own."""
    return Model


def load(name: str, options: Mapping[str, str] | None = None) -> Model:
    """Return the model called ``name``, such as `cascade` or `baseline:majority`.

    Args:
        name: family and name, joined by a colon.
        options: settings of the model by name, as text.

    Raises:
        MMABenchError: there is no such model or setting, a package that it needs is missing, or a user's class cannot
            be imported or constructed.
    """
    inner, suffix = _wrapped(name)
    if not suffix:
        return name_after(model_class(name).make(_rest(name), options or {}), name)
    from mma_bench.models.wrappers import WRAPPERS, split_options

    kind = WRAPPERS.find(suffix)
    own, others = split_options(suffix, options or {})
    kind.parse(own)  # a wrong setting is an error before weights are loaded
    kind.check_fits(model_class(inner), inner)
    return kind.wrap(load(inner, others), own)


def preview(name: str, options: Mapping[str, str] | None = None) -> str:
    """Return what is known of a model before it is used, as a line; no weights of a checkpoint are loaded.

    Raises:
        MMABenchError: as `load`, as far as that shows without a network.
    """
    inner, suffix = _wrapped(name)
    if not suffix:
        return f"model {name}: {model_class(name).preview(_rest(name), options or {})}"
    from mma_bench.models.wrappers import WRAPPERS, split_options

    kind = WRAPPERS.find(suffix)
    own, others = split_options(suffix, options or {})
    kind.parse(own)
    kind.check_fits(model_class(inner), inner)
    return f"{preview(inner, others)}; {WRAPPERS.entry(suffix).help}"


def _wrapped(name: str) -> tuple[str, str]:
    """Return a name without its last wrapper, and the wrapper's suffix, or nothing if it has none."""
    if "+" not in name:
        return name, ""
    from mma_bench.models.wrappers import split_name

    return split_name(name)


def _rest(name: str) -> str:
    """Return what a class is made with: the name after the family, unless that is the class itself."""
    family, _, rest = name.partition(":")
    return "" if family == "python" else rest


def model_class(name: str) -> type[Model]:
    """Return the class of the model called ``name``; its attributes tell commands how to treat the model.

    Raises:
        MMABenchError: as `load`.
    """
    inner, suffix = _wrapped(name)
    if suffix:
        from mma_bench.models.wrappers import WRAPPERS

        kind = WRAPPERS.find(suffix)
        kind.check_fits(model_class(inner), inner)
        return kind.over(model_class(inner))
    family, _, rest = name.partition(":")
    if family == "people":
        from mma_bench.evaluation.people import asks_a_person

        raise asks_a_person(name)
    if family not in MODELS:
        names = MODELS.names()
        forms = [
            each if each in _ALONE else f"{each}:..."
            for each in sorted(names, key=lambda each: (each not in _ALONE, each))
        ]
        meant = _meant_wrapper(name) or did_you_mean(family, names)
        raise MMABenchError(f"unknown model {name!r}{meant or ';'} Known: {', '.join(forms)}")
    if family == "python":
        from mma_bench.models.python_class import import_class

        return import_class(rest)
    return MODELS.find(family)()


def _meant_wrapper(name: str) -> str:
    """Return what is said of a name whose wrapper is unknown, such as `cascade+promt`; or nothing."""
    inner, plus, suffix = name.rpartition("+")
    if not plus or inner.partition(":")[0] not in MODELS:
        return ""
    from mma_bench.models.wrappers import WRAPPERS

    return f"; {inner} is one, and +{suffix} is no wrapper: {', '.join(f'+{each}' for each in WRAPPERS)}."
