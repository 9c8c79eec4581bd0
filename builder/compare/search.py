"""Find equal streams among many clips without comparing all pairs.

Both searches look up numbers in buckets and judge only the pairs that share enough of them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from builder.compare.buckets import Buckets, common_numbers
from builder.compare.ragged import Ragged
from builder.compare.settings import CompareSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BANDS = 4  # a frame is looked up by each quarter of its hash; one unchanged quarter in one of 20 frames is common
_MIN_BANDS = 2  # once may be chance
_BLOCK = 200_000

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
    landmarks: Ragged, settings: CompareSettings, *, max_shift: int = MAX_SHIFT, block: int = _BLOCK
) -> list[Match]:
    """Return the pairs of equal audio streams, sorted.

    Args:
        landmarks: one array per stream, as returned by `sound_landmarks`.
        settings: when two streams are equal.
        max_shift: by how much one may begin later than the other, hops of 16 ms.
        block: streams whose buckets are in memory at a time.
    """
    matches: list[Match] = []
    common = common_numbers(landmarks.values[:, 0], settings.max_bucket)
    for start in range(0, len(landmarks), block):
        part = landmarks.slice(start, min(start + block, len(landmarks)))
        numbers, times = Ragged(part.values[:, 0], part.ends), part.values[:, 1].astype(np.int32)
        buckets = Buckets.of(numbers, times, common, first=start)
        for clip in range(start + len(part)):
            for other, count in _votes(buckets, clip, landmarks[clip], max_shift, settings.min_landmarks).items():
                score = count / min(len(landmarks[clip]), len(landmarks[other]))
                if score >= settings.min_landmark_share:
                    matches.append(Match(clip, other, min(1.0, score)))
    return sorted(matches, key=lambda match: (match.first, match.second))


def _votes(buckets: Buckets, clip: int, part: "NDArray[np.uint32]", max_shift: int, at_least: int) -> dict[int, int]:
    """Return how many landmarks of ``clip`` each later stream has at the shift where it has most."""
    asked, others, times = buckets.later(clip, part[:, 0])
    shifts = times.astype(np.int64) - part[asked, 1].astype(np.int64)
    near = np.abs(shifts) <= max_shift
    if np.count_nonzero(near) < at_least:
        return {}
    shifts = shifts[near] + MAX_SHIFT
    votes, counts = np.unique(others[near].astype(np.int64) << 20 | shifts, return_counts=True)
    # A shift that is not a whole number of hops divides its votes between two neighbours.
    counts[:-1] += np.where(np.diff(votes) == 1, counts[1:], 0)
    enough = counts >= at_least
    best: dict[int, int] = {}
    for other, count in zip((votes[enough] >> 20).tolist(), counts[enough].tolist(), strict=True):
        best[other] = max(best.get(other, 0), count)
    return best


def equal_videos(frames: Ragged, settings: CompareSettings, *, block: int = _BLOCK) -> list[Match]:
    """Return the pairs of equal videos, sorted; ``frames`` has one array per video, as returned by `frame_hashes`."""
    bands = _bands(frames)
    common = common_numbers(bands.values, settings.max_bucket)
    matches: list[Match] = []
    for start in range(0, len(bands), block):
        part = bands.slice(start, min(start + block, len(bands)))
        buckets = Buckets.of(part, np.zeros(len(part.values), np.int32), common, first=start)
        for clip in range(start + len(part)):
            _, others, _ = buckets.later(clip, bands[clip])
            met, counts = np.unique(others, return_counts=True)
            for other in met[counts >= _MIN_BANDS].tolist():
                equal = np.bitwise_count(frames[clip][:, None] ^ frames[other][None, :]) <= settings.max_bits
                common_frames = equal.any(axis=1), equal.any(axis=0)
                score = float(min(side.mean() for side in common_frames))
                if (
                    score >= settings.min_frame_share
                    and min(side.sum() for side in common_frames) >= settings.min_frames
                ):
                    matches.append(Match(clip, other, score))
    return sorted(matches, key=lambda match: (match.first, match.second))


def _bands(frames: Ragged) -> Ragged:
    """Return the quarters of all hashes of each video, each once, with the number of the quarter in the upper bits."""
    clips = np.repeat(np.arange(len(frames), dtype=np.uint64), np.diff(frames.ends))
    keys = [
        clips << np.uint64(18) | np.uint64(band << 16) | frames.values >> np.uint64(16 * band) & np.uint64(0xFFFF)
        for band in range(_BANDS)
    ]
    unique = np.unique(np.concatenate(keys))
    lengths = np.bincount((unique >> np.uint64(18)).astype(np.int64), minlength=len(frames))
    return Ragged((unique & np.uint64((1 << 18) - 1)).astype(np.uint32), np.cumsum([0, *lengths]))
