"""Find equal streams among many clips without comparing all pairs.

Both searches look up numbers in buckets and judge only the pairs that share enough of them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from builder.compare.buckets import Buckets
from builder.compare.settings import CompareSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BANDS = 4  # a frame is looked up by each quarter of its hash; one unchanged quarter in one of 20 frames is common
_MIN_BANDS = 2  # once may be chance
MAX_SHIFT = 1 << 15
"""Hops of 16 ms: 8 minutes."""


@dataclass(frozen=True)
class Match:
    """Two streams of the same recording.

    Attributes:
        first: position of the earlier one in the list that was searched.
        second: position of the later one.
        score: share of the landmarks or frames that they have in common, 0 to 1.
    """

    first: int
    second: int
    score: float


def equal_sounds(
    landmarks: "list[NDArray[np.uint32]]", settings: CompareSettings, *, max_shift: int = MAX_SHIFT
) -> list[Match]:
    """Return the pairs of equal audio streams.

    Args:
        landmarks: one array per stream, as returned by `sound_landmarks`.
        settings: when two streams are equal.
        max_shift: by how much one may begin later than the other, hops of 16 ms.
    """
    buckets = Buckets.of(
        [part[:, 0] for part in landmarks],
        [part[:, 1].astype(np.int32) for part in landmarks],
        largest=settings.max_bucket,
    )
    matches: list[Match] = []
    for clip, part in enumerate(landmarks):
        asked, others, times = buckets.later(clip, part[:, 0])
        shifts = times.astype(np.int64) - part[asked, 1].astype(np.int64)
        near = np.abs(shifts) <= max_shift
        shifts = shifts[near] + MAX_SHIFT
        votes, counts = np.unique(others[near].astype(np.int64) << 20 | shifts, return_counts=True)
        # A shift that is not a whole number of hops divides its votes between two neighbours.
        counts[:-1] += np.where(np.diff(votes) == 1, counts[1:], 0)
        enough = counts >= settings.min_landmarks
        best: dict[int, int] = {}
        for other, count in zip((votes[enough] >> 20).tolist(), counts[enough].tolist(), strict=True):
            best[other] = max(best.get(other, 0), count)
        for other, count in best.items():
            score = count / min(len(part), len(landmarks[other]))
            if score >= settings.min_landmark_share:
                matches.append(Match(clip, other, min(1.0, score)))
    return matches


def equal_videos(frames: "list[NDArray[np.uint64]]", settings: CompareSettings) -> list[Match]:
    """Return the pairs of equal videos; ``frames`` has one array per video, as returned by `frame_hashes`."""
    bands = [_bands(part) for part in frames]
    buckets = Buckets.of(bands, [np.zeros(len(part), np.int32) for part in bands], largest=settings.max_bucket)
    matches: list[Match] = []
    for clip, part in enumerate(bands):
        _, others, _ = buckets.later(clip, part)
        met, counts = np.unique(others, return_counts=True)
        for other in met[counts >= _MIN_BANDS].tolist():
            equal = np.bitwise_count(frames[clip][:, None] ^ frames[other][None, :]) <= settings.max_bits
            common = equal.any(axis=1), equal.any(axis=0)
            score = float(min(part.mean() for part in common))
            if score >= settings.min_frame_share and min(part.sum() for part in common) >= settings.min_frames:
                matches.append(Match(clip, other, score))
    return matches


def _bands(hashes: "NDArray[np.uint64]") -> "NDArray[np.uint32]":
    """Return the quarters of all hashes, each once, with the number of the quarter in the upper bits."""
    quarters = [(hashes >> np.uint64(16 * band)) & np.uint64(0xFFFF) | np.uint64(band << 16) for band in range(_BANDS)]
    return np.unique(np.concatenate(quarters)).astype(np.uint32)
