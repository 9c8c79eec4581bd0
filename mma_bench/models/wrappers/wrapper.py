"""A model made of another one without training: the base class and the registry of all wrappers."""

import math
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError, unknown
from mma_bench.models.checks import Check
from mma_bench.models.interface import Answer, Model
from mma_bench.registry import Registry
from mma_bench.schema import Modality, Question


@dataclass(frozen=True)
class Setting:
    """A number that a wrapper takes, with `--model-option WRAPPER.NAME=VALUE`.

    Attributes:
        default: its value if it is not given.
        help: what it means.
        lowest: smallest allowed value.
        highest: largest allowed value.
    """

    default: float
    help: str
    lowest: float = 0.0
    highest: float = 100.0


class Wrapper(Model):
    """A model whose name is that of another one with `+SUFFIX`; all that it does not change is the other's.

    Args:
        model: the other model.
        settings: see `settings` of the class.

    Attributes:
        suffix: its name.
        version: counts up when the same settings give other answers.
        settings: the numbers it takes.
        needs_logits: whether the other model must give the logits of its tokens: a `transformers` model itself.
        comes_last: whether it can follow another wrapper.
        inner_kind: class of the other model, in classes made by `over`.
        model: the other model.
        values: its settings.

    Raises:
        MMABenchError: it cannot wrap ``model``, or a setting is invalid.
    """

    suffix: ClassVar[str]
    version: ClassVar[int] = 1
    settings: ClassVar[Mapping[str, Setting]] = {}
    needs_logits: ClassVar[bool] = False
    comes_last: ClassVar[bool] = False
    inner_kind: ClassVar[type[Model]]

    def __init__(self, model: Model, **settings: float) -> None:
        self.check_fits(type(model), model.name)
        self.model = model
        self.values = {name: setting.default for name, setting in self.settings.items()}
        for name, value in settings.items():
            self.values[name] = self._checked(name, value)
        self.name = f"{model.name}+{self.suffix}"
        for attribute, value in inherited(model).items():
            setattr(self, attribute, value)

    @classmethod
    def check_fits(cls, kind: type[Model], name: str) -> None:
        """Check that this wrapper can wrap a model.

        Args:
            kind: class of the model.
            name: its name.

        Raises:
            MMABenchError: it cannot; the message says which wrappers can.
        """
        if issubclass(kind, Wrapper):
            if not cls.comes_last or kind.comes_last:
                last = [each for each, known in WRAPPERS.items() if known.comes_last]
                raise MMABenchError(
                    f"+{cls.suffix} cannot follow another wrapper ({name}); name one wrapper, and after it at most "
                    f"+{' or +'.join(last)}"
                )
            return
        if not cls.could_wrap(kind):
            able = [f"+{each}" for each, known in WRAPPERS.items() if known.could_wrap(kind)]
            raise MMABenchError(
                f"+{cls.suffix} adds up the logits of every token, which {name} does not give: only transformers "
                f"models of the families in `mma-bench list architectures` do. {name} can have {', '.join(able)}"
            )

    @classmethod
    def could_wrap(cls, kind: type[Model]) -> bool:
        """Return whether models of the class ``kind``, themselves no wrappers, give what this wrapper needs."""
        return not cls.needs_logits or _gives_logits(kind)

    @classmethod
    def over(cls, kind: type[Model]) -> type["Wrapper"]:
        """Return the class of this wrapper around models of the class ``kind``, for what commands decide by class."""
        return type(cls.__name__, (cls,), {"__module__": cls.__module__, "inner_kind": kind, **inherited(kind)})

    @classmethod
    def wrap(cls, model: Model, options: Mapping[str, str]) -> "Wrapper":
        """Return ``model`` wrapped.

        Args:
            model: the other model.
            options: settings of the wrapper by name, as text.

        Raises:
            MMABenchError: it cannot wrap ``model``, or a setting is invalid.
        """
        return cls(model, **cls.parse(options))

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> dict[str, float]:
        """Return settings given as text.

        Raises:
            MMABenchError: one is unknown or no number in its range.
        """
        return {name: cls._checked(name, text) for name, text in options.items()}

    @classmethod
    def settings_of_protocol(cls, options: Mapping[str, str]) -> Collection[str]:
        """Return what the other model takes of a protocol."""
        return cls.inner_kind.settings_of_protocol(split_options(cls.suffix, options)[1])

    @classmethod
    def takes_gpu(cls, options: Mapping[str, str]) -> bool:
        """Return whether the other model is loaded onto a GPU."""
        return cls.inner_kind.takes_gpu(split_options(cls.suffix, options)[1])

    @classmethod
    def _checked(cls, name: str, given: str | float) -> float:
        if name not in cls.settings:
            raise MMABenchError(
                unknown(f"--model-option {cls.suffix}.{name}: +{cls.suffix} has no setting", name, cls.settings)
                if cls.settings
                else f"--model-option {cls.suffix}.{name}: +{cls.suffix} has no settings; leave it out"
            )
        setting = cls.settings[name]
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not setting.lowest <= value <= setting.highest:
            raise MMABenchError(
                f"--model-option {cls.suffix}.{name}={given}: give a number from {setting.lowest:g} to "
                f"{setting.highest:g} ({setting.help})"
            )
        return value

    @property
    def modalities(self) -> Collection[Modality]:
        """What of a stimulus the other model is given."""
        return self.model.modalities

    @property
    def draws(self) -> bool:
        """Whether the other model samples its answers."""
        return self.model.draws

    def begin_repeat(self, repeat: int) -> None:
        """Prepare the other model to answer again."""
        self.model.begin_repeat(repeat)

    def fingerprint(self) -> dict[str, str]:
        """Return what decides an answer: that of the other model, and the wrapper with its version and settings."""
        return {**self.model.fingerprint(), "model": self.name, f"wrapper {self.suffix}": self.describe()}

    def describe(self) -> str:
        """Return version and settings in one line; what else decides the answers is added by subclasses."""
        return " ".join(
            [f"version {self.version}", *(f"{name}={_exact(value)}" for name, value in self.values.items())]
        )

    def prepare(self, questions: Sequence[Question]) -> None:
        """Let the other model inspect all questions."""
        self.model.prepare(questions)

    def stop_soon(self) -> bool:
        """End the pass of the other model."""
        return self.model.stop_soon()

    def answer(self, sample: Sample) -> list[Answer]:
        """Answer every question of ``sample``."""
        by_id = {answer.question_id: answer for _, said in self.answer_all([sample]) for answer in said}
        return [by_id[question.question_id] for question in sample.questions]

    @abstractmethod
    def answer_all(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        """Answer ``samples``; a stimulus may come in several parts, each with some of its questions."""

    def _count(self) -> None:
        """Take over how many requests the other model made."""
        self.retries, self.requests, self.sent_bytes = self.model.retries, self.model.requests, self.model.sent_bytes


_INHERITED = (
    *("takes_media", "writes", "asks_one_by_one", "runs_here", "is_baseline", "uses_gpu", "runs_in_parallel"),
    *("sorts_by_streams", "looks_ahead", "protocol_settings", "retries", "requests", "sent_bytes"),
)


def inherited(model: Model | type[Model]) -> dict[str, Any]:
    """Return the attributes of a model, or of a class of models, that a wrapper does not change."""
    return {name: getattr(model, name) for name in _INHERITED}


def split_options(suffix: str, options: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the settings of the wrapper ``suffix``, given as `SUFFIX.NAME`, and all others."""
    own = {name.partition(".")[2]: value for name, value in options.items() if name.startswith(f"{suffix}.")}
    return own, {name: value for name, value in options.items() if not name.startswith(f"{suffix}.")}


def concerns_one_modality(asked: Question | Check) -> bool:
    """Return whether what is asked concerns one modality.

    A check about no class (do video and audio match?) concerns both, and so does a request for a caption. Other
    questions say so themselves, see `Question.concerns_one_modality`.
    """
    if isinstance(asked, Check):
        return bool(asked.label)
    return bool(asked.options) and asked.concerns_one_modality


def _exact(value: float) -> str:
    """Return a number as short as possible, without losing digits: runs with different settings never mix."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _gives_logits(kind: type[Model]) -> bool:
    from mma_bench.models.omni.model import TransformersOmni

    return issubclass(kind, TransformersOmni)


def _adopt(found: Any) -> type[Wrapper]:
    if not (isinstance(found, type) and issubclass(found, Wrapper)):
        raise TypeError("it is not a subclass of mma_bench.models.wrappers.Wrapper")
    return found


WRAPPERS: Registry[type[Wrapper]] = Registry("wrapper", "wrappers", adopt=_adopt)
"""All wrappers by the suffix of a model's name."""


def wrapper(kind: type[Wrapper]) -> type[Wrapper]:
    """Register a class as the wrapper of its suffix."""
    WRAPPERS.add(kind.suffix, kind)
    return kind
