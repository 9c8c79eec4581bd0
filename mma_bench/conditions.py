"""A condition of a user's own: one decorated function that the builder, the stream and the tuning mix share.

A package names it in an entry point of the group `mma_bench.conditions`; see docs/extending.md. The conditions that
come with mma-bench may also encode streams or read settings, so the builder and the stream each implement those.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from mma_bench.files.hashing import sha256_json
from mma_bench.registry import Registry
from mma_bench.schema import CONDITIONS, Condition, Question

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

MEDIA: Registry[MediaChoice] = Registry("media condition")
TEXT: Registry[TextChange] = Registry("text condition")


def media_condition(function: MediaChoice) -> MediaChoice:
    """Register ``function`` as the media condition of its name, described by the first line of its docstring."""
    _add(function, "media", MEDIA)
    return function


def text_condition(function: TextChange) -> TextChange:
    """Register ``function`` as the text condition of its name, described by the first line of its docstring."""
    _add(function, "text", TEXT)
    return function


class Shared(Mapping[str, T], Generic[F, T]):
    """The conditions of users in the form that the builder or the stream needs.

    Args:
        found: `MEDIA` or `TEXT`.
        adapt: turns a name and its function into that form.
    """

    def __init__(self, found: Registry[F], adapt: Callable[[str, F], T]) -> None:
        self._found = found
        self._adapt = adapt

    def __getitem__(self, name: str) -> T:
        if name not in CONDITIONS:
            raise KeyError(name)
        CONDITIONS[name]  # imports the package that declares it, which registers its function
        return self._adapt(name, self._found[name])

    def __iter__(self) -> Iterator[str]:
        list(CONDITIONS)  # imports every package that declares one
        return iter(self._found)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def code_of(names: list[str]) -> str:
    """Return a hash of the code of those conditions among ``names`` that are users' own, or nothing if none is."""
    for name in names:
        CONDITIONS.get(name)  # imports the package that declares it
    found = [(name, *_code((MEDIA if name in MEDIA else TEXT)[name])) for name in names if name in {*MEDIA, *TEXT}]
    return sha256_json(found) if found else ""


def _add(function: Callable[..., object], changes: Literal["media", "text"], registry: Registry[F]) -> None:
    name = function.__name__
    description = (function.__doc__ or "").strip().split("\n")[0].rstrip(".")
    CONDITIONS.add(name, Condition(name=name, changes=changes, description=description), function, description)
    registry.add(name, function, function)  # type: ignore[arg-type]


def _code(function: object) -> tuple[str, str]:
    from mma_bench.models.own import module_hash

    return str(getattr(function, "__qualname__", function)), module_hash(str(getattr(function, "__module__", "")))
