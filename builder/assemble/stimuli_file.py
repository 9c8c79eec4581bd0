"""The file of all stimuli, sorted by key, written and read without holding them all."""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.groups import GroupWriter
from mma_bench.dataset.columns import arrow_schema, to_table
from mma_bench.files.atomic import atomic_path
from mma_bench.schema import Stimulus

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GROUP_ROWS = 4096
_SORTED_AT_A_TIME = 20_000
_OBJECTS_AT_A_TIME = 256
_MERGED_AT_A_TIME = 100


class StimuliFile:
    """The stimuli in a Parquet file; iterating reads them one after the other.

    Args:
        path: the file, sorted by key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __len__(self) -> int:
        """Return the number of stimuli."""
        return int(pq.read_metadata(self.path).num_rows)

    def __iter__(self) -> Iterator[Stimulus]:
        """Yield the stimuli."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(_OBJECTS_AT_A_TIME):
                yield from map(Stimulus.model_validate, batch.to_pylist())

    def column(self, name: str) -> list[str]:
        """Return one column."""
        values: list[str] = pq.read_table(self.path, columns=[name])[name].to_pylist()
        return values

    def take(self, rows: "NDArray[np.int64]") -> list[Stimulus]:
        """Return the stimuli in ``rows``, whose numbers ascend."""
        taken: list[Stimulus] = []
        with pq.ParquetFile(self.path) as file:
            lengths = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            starts = np.cumsum([0, *lengths])
            for group in np.unique(np.searchsorted(starts, rows, "right") - 1).tolist():
                mine = rows[(rows >= starts[group]) & (rows < starts[group + 1])] - starts[group]
                found = file.read_row_group(group).take(mine).to_pylist()
                taken += map(Stimulus.model_validate, found)
        return taken


class StimuliWriter:
    """Writes stimuli that come in any order; a context manager. Same stimuli, same bytes.

    Many stimuli are sorted a part at a time, and the parts are merged at the end.

    Args:
        path: the file, which is there only when the block has ended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[Stimulus] = []
        self._parts: list[Path] = []
        self._written = 0

    def __enter__(self) -> Self:
        """Return the writer."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(dir=self._path.parent, prefix=".tmp-sort-")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Merge the parts, unless something went wrong."""
        with self._folder:
            if error is None:
                self._sort()
                while len(self._parts) > _MERGED_AT_A_TIME:  # each part is an open file
                    some, self._parts = self._parts[:_MERGED_AT_A_TIME], self._parts[_MERGED_AT_A_TIME:]
                    self._write(_merged(some))
                    for part in some:
                        part.unlink()
                with atomic_path(self._path) as temporary, GroupWriter(temporary, _SCHEMA, _GROUP_ROWS) as file:
                    for table in _merged(self._parts):
                        file.add(table)

    def add(self, stimuli: Iterable[Stimulus]) -> None:
        """Add stimuli."""
        self._waiting += stimuli
        if len(self._waiting) >= _SORTED_AT_A_TIME:
            self._sort()

    def _sort(self) -> None:
        waiting = iter(sorted(self._waiting, key=lambda stimulus: stimulus.key))
        self._waiting = []
        self._write(to_table(Stimulus, some) for some in iter(lambda: list(islice(waiting, _OBJECTS_AT_A_TIME)), []))

    def _write(self, tables: Iterable[pa.Table]) -> None:
        part = Path(self._folder.name) / f"{self._written:05d}.arrow"
        self._written += 1
        with pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as file:
            for table in tables:
                file.write_table(table, max_chunksize=_OBJECTS_AT_A_TIME)
        self._parts.append(part)


def write_stimuli(path: Path, stimuli: Iterable[Stimulus]) -> None:
    """Write ``stimuli`` sorted by key."""
    with StimuliWriter(path) as writer:
        for stimulus in stimuli:
            writer.add([stimulus])


def _merged(paths: list[Path]) -> Iterator[pa.Table]:
    """Yield the rows of sorted files in the order of all their keys."""
    parts = [_Part(path) for path in paths]
    order = pc.sort_indices(pa.chunked_array([part.keys() for part in parts], pa.string())).to_numpy()
    starts = np.cumsum([0, *(part.rows for part in parts)])
    for first in range(0, len(order), _GROUP_ROWS):
        source = np.searchsorted(starts, order[first : first + _GROUP_ROWS], "right") - 1
        tables, place, offset = [], np.empty(len(source), np.int64), 0
        for number in np.unique(source).tolist():  # of each part, the next rows
            mine = np.flatnonzero(source == number)
            tables.append(parts[number].take(len(mine)))
            place[mine] = offset + np.arange(len(mine))
            offset += len(mine)
        yield pa.concat_tables(tables).take(place)


class _Part:
    """A sorted file, read from its start to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = pa.ipc.open_file(pa.OSFile(str(path)))
        self._next = 0
        self._held = _SCHEMA.empty_table()
        self.rows = 0

    def keys(self) -> pa.Array:
        options = pa.ipc.IpcReadOptions(included_fields=[_SCHEMA.get_field_index("key")])
        found = pa.ipc.open_file(pa.OSFile(str(self._path)), options=options).read_all()["key"].combine_chunks()
        self.rows = len(found)
        return found

    def take(self, rows: int) -> pa.Table:
        held = [self._held]
        while sum(map(len, held)) < rows:
            held.append(pa.Table.from_batches([self._file.get_batch(self._next)]))
            self._next += 1
        together = pa.concat_tables(held)
        self._held = together.slice(rows)
        return together.slice(0, rows)


_SCHEMA = arrow_schema(Stimulus)
