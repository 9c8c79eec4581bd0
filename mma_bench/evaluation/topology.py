"""Order and packing of video, audio and question, as far as the fingerprint of a model tells."""

from collections.abc import Mapping
from dataclasses import dataclass

_LOCAL, _ENDPOINT = "interleaved", "video-first"
"""Layouts that adapters have by default; fingerprints do not name them."""

_OF_PACKING = frozenset(
    {
        *("setting layout", "setting media"),
        *("setting fps", "setting size", "setting audio_format", "version av", "version pillow"),
    }
)
"""What a packing at an endpoint brings along."""


@dataclass(frozen=True)
class Topology:
    """How the streams and the question of a request are arranged.

    Attributes:
        layout: which part comes first.
        media: how they are packed for an endpoint: parts, frames or muxed; none for a local model.
    """

    layout: str
    media: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether the layout is the adapter's default, however the streams are packed."""
        return self.layout == (_LOCAL if self.media is None else _ENDPOINT)

    @property
    def is_default(self) -> bool:
        """Whether layout and packing are the adapter's default."""
        return self.is_own and self.media in (None, "parts")

    def __str__(self) -> str:
        if self.media is None:
            return self.layout
        if self.media == "muxed" and self.is_own:
            return "muxed"  # the server arranges both streams
        return f"{self.media}, {self.layout}"


def topology_of(fingerprint: Mapping[str, str]) -> Topology | None:
    """Return the topology that a model recorded, or none if it takes none."""
    media = fingerprint.get("setting media")
    if media == "none":
        return None
    if media is not None:
        return Topology(fingerprint.get("setting layout", _ENDPOINT), media)
    if "frame format" in fingerprint:  # an Omni model that runs here
        return Topology(fingerprint.get("setting layout", _LOCAL))
    return None


def besides_topology(fingerprint: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return everything else that determines an answer: two runs that agree in it differ at most in topology."""
    left_out = _OF_PACKING if "setting media" in fingerprint else {"setting layout"}
    return tuple(sorted((name, value) for name, value in fingerprint.items() if name not in left_out))
