"""Find which clips have a number in common, for all numbers of many clips."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from builder.compare.ragged import Ragged

if TYPE_CHECKING:
    from numpy.typing import NDArray


_COUNTED_AT_ONCE = 1 << 24

ASKED_AT_A_TIME = 4096
"""Numbers that are looked up at a time; with full buckets, two million entries are found."""


@dataclass(frozen=True)
class Meetings:
    """Numbers of some clips that later clips have too; all of shape [meetings].

    Attributes:
        clips: position of the earlier clip.
        numbers: position of its number among the numbers of all clips.
        others: position of the later clip.
        other_numbers: position of its number.
    """

    clips: "NDArray[np.int32]"
    numbers: "NDArray[np.int64]"
    others: "NDArray[np.int32]"
    other_numbers: "NDArray[np.int64]"


def meetings(
    numbers: Ragged, common: "NDArray[np.uint32]", *, block: int, at_a_time: int = ASKED_AT_A_TIME
) -> Iterator[Meetings]:
    """Yield all meetings of clips, those of a few neighbouring clips at a time.

    Args:
        numbers: for each clip, shape [numbers].
        common: numbers that do not count, sorted; see `common_numbers`.
        block: numbers that are in buckets at a time.
        at_a_time: numbers that are looked up at a time.
    """
    for start, stop in numbers.ranges(block):
        before = int(numbers.ends[start])
        buckets = _Buckets.of(numbers.slice(start, stop), common, start, before)
        for low, high in numbers.slice(0, start).ranges(at_a_time):
            asked = numbers.slice(low, high)
            which, entries = buckets.with_numbers(asked.values)
            owners = asked.owners() + np.int32(low)
            yield buckets.meetings(owners[which], which + int(numbers.ends[low]), entries)
        for low, high in numbers.slice(start, stop).ranges(at_a_time):
            first, end = (int(numbers.ends[start + at]) - before for at in (low, high))
            which, entries = buckets.later_than(first, end)
            owners = numbers.slice(start + low, start + high).owners() + np.int32(start + low)
            yield buckets.meetings(owners[which], which + first + before, entries)


@dataclass(frozen=True)
class _Buckets:
    """All (number, clip) of a block of neighbouring clips, sorted by number and clip.

    Attributes:
        numbers: shape [entries], sorted.
        clips: position of the clip, shape [entries].
        order: position of the number among those of the block, shape [entries].
        ends: where the bucket of an entry ends, shape [entries].
        places: entry of each number of the block, -1 if it has none; shape [numbers].
        before: how many numbers the clips before the block have.
    """

    numbers: "NDArray[np.uint32]"
    clips: "NDArray[np.int32]"
    order: "NDArray[np.int32]"
    ends: "NDArray[np.int32]"
    places: "NDArray[np.int32]"
    before: int

    @classmethod
    def of(cls, numbers: Ragged, common: "NDArray[np.uint32]", first: int, before: int) -> "_Buckets":
        """Sort the numbers of the clips of a block, fewer than 2**31; ``first`` is the position of the first clip."""
        flat = numbers.values.astype(np.uint32)
        order = np.argsort(flat, kind="stable").astype(np.int32)
        if len(common):
            order = order[np.isin(flat[order], common, invert=True)]
        places = np.full(len(flat), -1, np.int32)
        places[order] = np.arange(len(order), dtype=np.int32)
        flat = flat[order]
        begins = np.flatnonzero(np.diff(flat, prepend=~flat[:1]))
        sizes = np.diff(begins, append=len(flat))
        ends = np.repeat((begins + sizes).astype(np.int32), sizes)
        return cls(flat, (numbers.owners() + np.int32(first))[order], order, ends, places, before)

    def later_than(self, first: int, end: int) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Return (number, entry) of the entries after those of the numbers from ``first`` to ``end`` of the block.

        The number is counted from ``first``.
        """
        places = self.places[first:end]
        rare = np.flatnonzero(places >= 0)
        own = places[rare]
        which, entries = _in_ranges(own + 1, self.ends[own])
        return rare[which], entries

    def with_numbers(self, numbers: "NDArray[np.uint32]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Return (number, entry) of all entries with these numbers."""
        return _in_ranges(
            np.searchsorted(self.numbers, numbers, "left"), np.searchsorted(self.numbers, numbers, "right")
        )

    def meetings(
        self, clips: "NDArray[np.int32]", numbers: "NDArray[np.int64]", entries: "NDArray[np.int64]"
    ) -> Meetings:
        """Return meetings of numbers with entries, without those of a clip with itself."""
        others = self.clips[entries]
        kept = others != clips
        return Meetings(clips[kept], numbers[kept], others[kept], self.order[entries[kept]] + np.int64(self.before))


def _in_ranges(
    begins: "NDArray[np.integer]", ends: "NDArray[np.integer]"
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Return (which range, position) of all positions in some ranges."""
    sizes = ends.astype(np.int64) - begins
    which = np.repeat(np.arange(len(sizes)), sizes)
    return which, np.repeat(begins - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(which))


def common_numbers(numbers: "NDArray[np.uint32]", largest: int) -> "NDArray[np.uint32]":
    """Return the numbers that occur more than ``largest`` times, sorted."""
    if numbers.max(initial=0) < _COUNTED_AT_ONCE:
        return np.flatnonzero(np.bincount(numbers) > largest).astype(np.uint32)
    found, counts = np.unique(numbers, return_counts=True)
    return found[counts > largest].astype(np.uint32)
