"""Arrays of different lengths in one array: a list of a million small arrays takes a hundred bytes for each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Ragged:
    """Arrays one after the other.

    Attributes:
        values: the values of all, shape [values, ...].
        ends: position in ``values`` at which each array begins, and the end, shape [arrays + 1].
    """

    values: "NDArray[Any]"
    ends: "NDArray[np.int64]"

    @classmethod
    def of(cls, arrays: "Sequence[NDArray[Any]]", like: "NDArray[Any]") -> Self:
        """Return ``arrays``; ``like`` is an empty one, for where there are none."""
        ends = np.cumsum([0, *map(len, arrays)])
        return cls(np.concatenate([like, *arrays]), ends)

    @classmethod
    def of_lists(cls, columns: Iterable[pa.ChunkedArray], *, width: int = 1) -> Self:
        """Return the lists of an Arrow column that comes in parts; ``width`` values each make a row."""
        values: list[Any] = []
        lengths: list[Any] = [np.zeros(1, np.int64)]
        for column in columns:
            lists = column.combine_chunks()
            values.append(lists.flatten().to_numpy())
            lengths.append(np.diff(lists.offsets.to_numpy()) // width)
        flat = np.concatenate(values) if values else np.zeros(0, np.uint32)
        return cls(flat.reshape(-1, width) if width > 1 else flat, np.cumsum(np.concatenate(lengths)))

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self.ends) - 1

    def __getitem__(self, at: int) -> "NDArray[Any]":
        """Return one of the arrays, without a copy."""
        return self.values[self.ends[at] : self.ends[at + 1]]

    def slice(self, start: int, stop: int) -> "Ragged":
        """Return the arrays from ``start`` to before ``stop``, without a copy."""
        ends = self.ends[start : stop + 1]
        return Ragged(self.values[ends[0] : ends[-1]], ends - ends[0])

    def owners(self) -> "NDArray[np.int32]":
        """Return which array each value is from, shape [values]."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.ends))

    def ranges(self, most: int) -> Iterator[tuple[int, int]]:
        """Divide the arrays into ranges of neighbours with about ``most`` values each; yield start and end."""
        start = 0
        while start < len(self):
            stop = int(np.searchsorted(self.ends, self.ends[start] + most, "right")) - 1
            stop = min(len(self), max(start + 1, stop))
            yield start, stop
            start = stop
