"""Find equal streams among many clips without comparing all pairs.

Both searches look up numbers in buckets and judge only the pairs that share enough of them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from builder.compare.buckets import Meetings, common_numbers, meetings
from builder.compare.ragged import Ragged
from builder.compare.settings import CompareSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BANDS = 4  # a frame is looked up by each quarter of its hash; one unchanged quarter in one of 20 frames is common
_MIN_BANDS = 2  # once may be chance
_BLOCK = 40_000_000
"""Numbers that are in buckets at a time: half a gigabyte, of 200,000 clips of 10 s."""

_HASHES_AT_A_TIME = 1_000_000

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
        block: landmarks that are in buckets at a time.
    """
    matches: list[Match] = []
    lengths = np.diff(landmarks.ends)
    common = common_numbers(landmarks.values[:, 0], settings.max_bucket)
    times = landmarks.values[:, 1].astype(np.int32)
    for met in meetings(Ragged(landmarks.values[:, 0], landmarks.ends), common, block=block):
        pairs, counts = _votes(met, times, max_shift, settings.min_landmarks)
        for (clip, other), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            score = count / int(min(lengths[clip], lengths[other]))
            if score >= settings.min_landmark_share:
                matches.append(Match(clip, other, min(1.0, score)))
    return sorted(matches, key=lambda match: (match.first, match.second))


def _votes(
    met: Meetings, times: "NDArray[np.int32]", max_shift: int, at_least: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Return the pairs of streams with ``at_least`` common landmarks at one shift, and how many at the best one.

    Args:
        met: which landmarks streams have in common.
        times: of the landmarks of all streams.
        max_shift: as in `equal_sounds`.
        at_least: minimum of common landmarks.

    Returns:
        Positions of the streams, shape [pairs, 2], and numbers of common landmarks, shape [pairs].
    """
    shifts = times[met.other_numbers].astype(np.int64) - times[met.numbers]
    near = np.abs(shifts) <= max_shift
    # A shift takes 17 bits, so that neighbouring shifts of two streams are neighbouring numbers.
    order, codes = np.unique(_pairs(met)[near], return_inverse=True)
    votes, counts = np.unique(codes.astype(np.int64) << 17 | (shifts[near] + MAX_SHIFT), return_counts=True)
    # A shift that is not a whole number of hops divides its votes between two neighbours.
    counts[:-1] += np.where(np.diff(votes) == 1, counts[1:], 0)
    enough = counts >= at_least
    kept, begins = np.unique(votes[enough] >> 17, return_index=True)
    best = np.maximum.reduceat(counts[enough], begins) if len(kept) else np.zeros(0, np.int64)
    return np.stack([order[kept] >> 32, order[kept] & 0xFFFFFFFF], axis=1), best


def _pairs(met: Meetings) -> "NDArray[np.int64]":
    """Return both clips of each meeting as one number."""
    return met.clips.astype(np.int64) << 32 | met.others


def equal_videos(frames: Ragged, settings: CompareSettings, *, block: int = _BLOCK) -> list[Match]:
    """Return the pairs of equal videos, sorted; ``frames`` has one array per video, as returned by `frame_hashes`."""
    bands = _bands(frames)
    common = common_numbers(bands.values, settings.max_bucket)
    matches: list[Match] = []
    for met in meetings(bands, common, block=block):
        pairs = np.sort(_pairs(met))
        again = np.flatnonzero(pairs[_MIN_BANDS - 1 :] == pairs[: len(pairs) - _MIN_BANDS + 1])
        for pair in np.unique(pairs[again]).tolist():
            score = _common_frames(frames[pair >> 32], frames[pair & 0xFFFFFFFF], settings)
            if score is not None:
                matches.append(Match(pair >> 32, pair & 0xFFFFFFFF, score))
    return sorted(matches, key=lambda match: (match.first, match.second))


def _common_frames(
    first: "NDArray[np.uint64]", second: "NDArray[np.uint64]", settings: CompareSettings
) -> float | None:
    """Return the share of frames that two videos have in common; None if they are too few."""
    equal = np.bitwise_count(first[:, None] ^ second[None, :]) <= settings.max_bits
    common = equal.any(axis=1), equal.any(axis=0)
    score = float(min(side.mean() for side in common))
    enough = score >= settings.min_frame_share and min(side.sum() for side in common) >= settings.min_frames
    return score if enough else None


def _bands(frames: Ragged) -> Ragged:
    """Return the quarters of all hashes of each video, each once, with the number of the quarter in the upper bits."""
    values, lengths = [np.zeros(0, np.uint32)], [np.zeros(1, np.int64)]
    for start, stop in frames.ranges(_HASHES_AT_A_TIME):
        part = frames.slice(start, stop)
        clips = part.owners().astype(np.uint64)
        keys = [
            clips << np.uint64(18) | np.uint64(band << 16) | part.values >> np.uint64(16 * band) & np.uint64(0xFFFF)
            for band in range(_BANDS)
        ]
        unique = np.sort(np.concatenate(keys))  # np.unique hashes, which takes three times as long
        unique = unique[np.diff(unique, prepend=~unique[:1]) != 0]
        values.append((unique & np.uint64((1 << 18) - 1)).astype(np.uint32))
        lengths.append(np.bincount((unique >> np.uint64(18)).astype(np.int64), minlength=len(part)))
    return Ragged(np.concatenate(values), np.cumsum(np.concatenate(lengths)))
