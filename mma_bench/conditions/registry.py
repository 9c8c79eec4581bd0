"""What a condition is: which streams a clip is shown with, or how the text of a question is changed.

The builder, the stream and the tuning mix all use these definitions, each through one adapter that turns them into
files, rows or tensors. A package of a user's names its own in an entry point of the group `mma_bench.conditions`; see
docs/extending.md. Conditions in levels encode streams, which the builder does; a user's own changes audio.
"""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.questions.prompts import Position, is_rendered, settled
from mma_bench.registry import Registry, one_line
from mma_bench.schema import CONDITIONS, Condition, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

F = TypeVar("F")
T = TypeVar("T")

Part = Literal["own", "donor", "none"]
"""A clip's own stream; that of a clip of another class; or none, which is black frames or digital silence."""


@dataclass(frozen=True)
class Streams:
    """Which streams a clip is shown with.

    Attributes:
        video: whose video.
        audio: whose audio. Where both are the donor's, it is the same donor.

    Raises:
        ValueError: both are none, so there is nothing to ask about.
    """

    video: Part = "own"
    audio: Part = "own"

    def __post_init__(self) -> None:
        known = ("own", "donor", "none")
        if self.video not in known or self.audio not in known:
            raise ValueError(f"streams are own, donor or none; got {self.video!r} and {self.audio!r}")
        if self.video == self.audio == "none":
            raise ValueError("a stimulus without video and audio cannot be asked about")


Labels = tuple[str | None, str | None]
"""Classes of the video and of the audio; none for a stream that was removed."""

MediaChoice = Callable[[Labels], Streams | None]
"""Returns the streams for a clip of these classes, or none if the clip has no part in the condition."""

TextChange = Callable[[Question, Labels, random.Random], Question]
"""Returns the question with another prompt (`mma_bench.questions.reword` makes it), and its distractor if the text
suggests a class. A generator with the same seed is given for both questions about a clip."""


@dataclass(frozen=True)
class Noise:
    """How much unrelated text a prompt is padded with.

    Attributes:
        letters: number of random letters.
        words: number of random words in place of the letters, if any.
        position: where they go.
    """

    letters: int
    words: int | None = None
    position: Position = "after"


class Draw(Protocol):
    """What a text condition draws, from the builder or the stream; the same for both questions about a clip."""

    @property
    def generator(self) -> random.Random:
        """Random numbers."""

    @property
    def avoid_near_synonyms(self) -> bool:
        """Whether a lie must not be a near-synonym of what the clip shows."""

    def noise(self) -> Noise:
        """Return how much unrelated text to add."""

    def seed(self) -> str:
        """Return the seed of a text that is made from one."""


@dataclass(frozen=True)
class TextCondition:
    """How the text of a question is changed.

    Attributes:
        change: returns the question with another prompt.
        purpose: names the random numbers of a build; those of a condition never change with another one.
        name: of the condition.
    """

    change: Callable[[Question, Labels, Draw], Question]
    purpose: str
    name: str

    def worded(self, question: Question, labels: Labels, draw: Draw) -> Question:
        """Return ``question`` as the condition words it, without parts that its text is not made of.

        Raises:
            MMABenchError: the condition is a user's, and it fails or returns something else than a question in which
                prompt and parts agree.
        """
        where = f"the condition {self.name} failed for {question.question_id}"
        try:
            made = self.change(question, labels, draw)
        except Exception as error:
            if self.name not in _OWN:
                raise
            said = str(error) if isinstance(error, MMABenchError) else one_line(error)
            raise MMABenchError(f"{where}: {said}") from error
        if not isinstance(made, Question):
            raise MMABenchError(f"{where}: it must return a Question, and returned {type(made).__name__}")
        if made.prompt == question.prompt and made.parts != question.parts and not is_rendered(made):
            raise MMABenchError(
                f"{where}: it changed the parts of the prompt but not its text; use mma_bench.questions.reword"
            )
        return settled(made)


AudioAtLevel = Callable[["NDArray[np.int16]", float, random.Random], "NDArray[np.int16]"]
"""Returns a clip's audio changed at a level: samples [samples] of 16 kHz mono audio, int16, as given. A generator with
the same seed is given for all levels of a clip."""

MEDIA: Registry[MediaChoice] = Registry("media condition")
GRADED: Registry[AudioAtLevel] = Registry("graded condition")
TEXT: Registry[TextCondition] = Registry("text condition")


def media_condition(function: MediaChoice) -> MediaChoice:
    """Register ``function`` as the media condition of its name, described by the first line of its docstring."""
    _describe(function, "media")
    MEDIA.add(function.__name__, function, function)
    return function


def text_condition(function: TextChange) -> TextChange:
    """Register ``function`` as the text condition of its name, described by the first line of its docstring."""
    _describe(function, "text")
    condition = TextCondition(
        lambda question, labels, draw: function(question, labels, draw.generator), function.__name__, function.__name__
    )
    TEXT.add(function.__name__, condition, function)
    return function


def graded_condition(unit: Literal["dB", "share", "s"]) -> Callable[[AudioAtLevel], AudioAtLevel]:
    """Register a function as the graded condition of its name, with levels in ``unit``; the builder encodes audio."""

    def register(function: AudioAtLevel) -> AudioAtLevel:
        _describe(function, "media", unit)
        GRADED.add(function.__name__, function, function)
        return function

    return register


DrawnText = TypeVar("DrawnText", bound=Callable[[Question, Labels, Draw], Question])


def drawn_text_condition(purpose: str) -> Callable[[DrawnText], DrawnText]:
    """Register a built-in text condition, which also takes settings; ``purpose`` is that of `TextCondition`."""

    def register(function: DrawnText) -> DrawnText:
        TEXT.add(function.__name__, TextCondition(function, purpose, function.__name__), function)
        return function

    return register


class Shared(Mapping[str, T], Generic[F, T]):
    """All conditions of a kind in the form that the builder, the stream or the tuning mix needs.

    Args:
        found: `MEDIA` or `TEXT`.
        adapt: turns a definition into that form.
        without: conditions that have no such form.
    """

    def __init__(self, found: Registry[F], adapt: Callable[[F], T], without: Collection[str] = ()) -> None:
        self._found = found
        self._adapt = adapt
        self._without = without

    def __getitem__(self, name: str) -> T:
        if name not in CONDITIONS or name in self._without:
            raise KeyError(name)
        CONDITIONS[name]  # imports the package that declares it, which registers its function
        return self._adapt(self._found[name])

    def __iter__(self) -> Iterator[str]:
        list(CONDITIONS)  # imports every package that declares one
        return (name for name in self._found if name not in self._without)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def code_of(names: list[str]) -> str:
    """Return a hash of the code of those conditions among ``names`` that are users' own, or nothing if none is."""
    found = [(name, *_code(own)) for name in names if (own := _own_function(name))]
    return sha256_json(found) if found else ""


def _own_function(name: str) -> object:
    """Return the function of a user's condition, none if it is built in."""
    CONDITIONS.get(name)  # imports the package that declares it
    return _OWN.get(name)


_OWN: dict[str, object] = {}


def _describe(
    function: Callable[..., object], changes: Literal["media", "text"], unit: Literal["", "dB", "share", "s"] = ""
) -> None:
    name = function.__name__
    if function.__module__.startswith(f"{__package__}."):
        return  # the schema lists ours
    description = (function.__doc__ or "").strip().split("\n")[0].rstrip(".")
    CONDITIONS.add(
        name, Condition(name=name, changes=changes, description=description, unit=unit), function, description
    )
    _OWN[name] = function


def _code(function: object) -> tuple[str, str]:
    from mma_bench.models.own import module_hash

    return str(getattr(function, "__qualname__", function)), module_hash(str(getattr(function, "__module__", "")))
