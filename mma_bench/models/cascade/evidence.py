"""Audio and visual evidence of a clip, independent of any question."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Observation:
    """One label that a model gave.

    Attributes:
        name: the label, such as `Dog` or `tabby cat`.
        meaning: the text that represents it in comparisons with options.
        strength: confidence of the model, 0 to 1.
    """

    name: str
    meaning: str
    strength: float


@dataclass(frozen=True)
class _Evidence:
    """The strongest observations in descending order; none if the stream was empty."""

    observations: tuple[Observation, ...]

    nothing: ClassVar[str]

    @property
    def is_empty(self) -> bool:
        """Whether the stream was empty: digital silence, black frames, or no samples."""
        return not self.observations

    def describe(self, count: int = 5) -> str:
        """Return the ``count`` strongest observations in words, or a text for an empty stream."""
        if self.is_empty:
            return self.nothing
        return ", ".join(f"{seen.name} {seen.strength:.2f}" for seen in self.observations[:count])


@dataclass(frozen=True)
class AudioEvidence(_Evidence):
    """Sound events. Several can be true at once, so the strengths do not add up to 1."""

    nothing: ClassVar[str] = "nothing heard"


@dataclass(frozen=True)
class VisualEvidence(_Evidence):
    """Objects in the frames. They exclude each other, so the strengths of all labels add up to 1."""

    nothing: ClassVar[str] = "nothing seen"


@dataclass(frozen=True)
class TextEvidence(_Evidence):
    """Texts about the clip, each taken as equally sure."""

    nothing: ClassVar[str] = "nothing read"

    @classmethod
    def of(cls, texts: Sequence[str]) -> "TextEvidence":
        """Return ``texts`` as evidence."""
        return cls(tuple(Observation(text, text, 1.0) for text in texts))


Evidence = AudioEvidence | VisualEvidence | TextEvidence
