"""Look up which clips contain a number, for many numbers at once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    def of(cls, numbers: "list[NDArray[np.uint32]]", payloads: "list[NDArray[np.int32]]", *, largest: int) -> "Buckets":
        """Sort the numbers of each clip into buckets, and drop buckets with more than ``largest`` entries.

        Args:
            numbers: for each clip, shape [entries].
            payloads: for each clip, shape [entries].
            largest: maximum number of entries of a bucket that is kept.
        """
        clips = np.repeat(np.arange(len(numbers), dtype=np.int32), [len(part) for part in numbers])
        flat = np.concatenate([*numbers, np.zeros(0, np.uint32)]).astype(np.uint32)
        order = np.argsort(flat, kind="stable")
        flat = flat[order]
        _, position, sizes = np.unique(flat, return_inverse=True, return_counts=True)
        few = sizes[position] <= largest
        data = np.concatenate([*payloads, np.zeros(0, np.int32)]).astype(np.int32)[order]
        return cls(flat[few], clips[order][few], data[few])

    def later(
        self, clip: int, numbers: "NDArray[np.uint32]"
    ) -> "tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]":
        """Return (position in ``numbers``, clip, payload) of the entries of clips after ``clip`` with these numbers."""
        first = np.searchsorted(self.numbers, numbers, "left")
        sizes = np.searchsorted(self.numbers, numbers, "right") - first
        asked = np.repeat(np.arange(len(numbers)), sizes)
        entries = np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(asked))
        after = self.clips[entries] > clip
        return asked[after], self.clips[entries][after], self.payloads[entries][after]
