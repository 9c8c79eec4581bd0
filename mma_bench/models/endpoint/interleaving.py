"""Frames and audio in turn, for servers that take images and short audio, not video with audio.

The times of both streams then follow from their order alone: two seconds of frames, the audio of these two seconds, and
so on. Qwen2.5-Omni reads a video with its audio in the same steps (arXiv 2503.20215, section 2.2).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.models.endpoint.part import Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIECE_SECONDS = 2.0
_SHORTEST_SECONDS = 0.5
"""A shorter rest belongs to the piece before it: some servers refuse audio of a few milliseconds."""


def pieces(samples: "NDArray[np.int16]") -> "list[NDArray[np.int16]]":
    """Cut audio, shape [samples], int16, 16 kHz, into pieces of two seconds; the last may be shorter or longer."""
    step = round(PIECE_SECONDS * AUDIO_RATE)
    cuts = list(range(step, len(samples), step))
    if cuts and len(samples) - cuts[-1] < _SHORTEST_SECONDS * AUDIO_RATE:
        cuts.pop()
    return [samples[start:end] for start, end in zip([0, *cuts], [*cuts, len(samples)], strict=True)]


def interleave(pictures: Sequence[Part], fps: float, sounds: Sequence[Part]) -> list[Part]:
    """Return the frames of each piece, then its audio.

    Args:
        pictures: frames at 0, 1/fps, 2/fps ... seconds.
        fps: frames per second.
        sounds: audio, in pieces of two seconds; what outlasts them follows the last.
    """
    found: list[Part] = []
    step = {number: int(number / fps / PIECE_SECONDS) for number in range(len(pictures))}
    for place, sound in enumerate(sounds):
        found += [picture for number, picture in enumerate(pictures) if step[number] == place]
        found.append(sound)
    return found + [picture for number, picture in enumerate(pictures) if step[number] >= len(sounds)]
