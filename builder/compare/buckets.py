"""Look up which clips contain a number, for many numbers at once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from builder.compare.ragged import Ragged

if TYPE_CHECKING:
    from numpy.typing import NDArray


_COUNTED_AT_ONCE = 1 << 24


@dataclass(frozen=True)
class Buckets:
    """All (number, clip, payload) of a set of clips, sorted by number and clip.

    Attributes:
        numbers: shape [entries], sorted.
        clips: shape [entries], int32: position of the clip.
        payloads: shape [entries], int32.
    """

    numbers: "NDArray[np.uint32]"
    clips: "NDArray[np.int32]"
    payloads: "NDArray[np.int32]"

    @classmethod
    def of(
        cls,
        numbers: Ragged,
        payloads: "NDArray[np.int32]",
        common: "NDArray[np.uint32]",
        *,
        first: int = 0,
    ) -> "Buckets":
        """Sort the numbers of each clip into buckets.

        Args:
            numbers: for each clip, shape [entries].
            payloads: of all clips, shape [entries of all].
            common: numbers without a bucket, sorted; see `common_numbers`.
            first: position of the first clip.
        """
        flat = numbers.values.astype(np.uint32)
        clips = numbers.owners() + np.int32(first)
        rare = np.isin(flat, common, invert=True) if len(common) else np.ones(len(flat), bool)
        order = np.flatnonzero(rare)
        order = order[np.argsort(flat[order], kind="stable")]
        return cls(flat[order], clips[order], payloads[order])

    def later(
        self, numbers: "NDArray[np.uint32]", clips: "NDArray[np.int32]"
    ) -> "tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]":
        """Return (position in ``numbers``, clip, payload) of the entries with these numbers, of later clips alone.

        Args:
            numbers: of one or several clips, shape [numbers].
            clips: which clip each of them is from, shape [numbers].
        """
        first = np.searchsorted(self.numbers, numbers, "left")
        sizes = np.searchsorted(self.numbers, numbers, "right") - first
        asked = np.repeat(np.arange(len(numbers)), sizes)
        entries = np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(asked))
        after = self.clips[entries] > clips[asked]
        return asked[after], self.clips[entries][after], self.payloads[entries][after]


def common_numbers(numbers: "NDArray[np.uint32]", largest: int) -> "NDArray[np.uint32]":
    """Return the numbers that occur more than ``largest`` times, sorted."""
    if numbers.max(initial=0) < _COUNTED_AT_ONCE:
        return np.flatnonzero(np.bincount(numbers) > largest).astype(np.uint32)
    found, counts = np.unique(numbers, return_counts=True)
    return found[counts > largest].astype(np.uint32)
