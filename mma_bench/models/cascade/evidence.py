"""Audio and visual evidence of a clip, independent of any question."""

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
