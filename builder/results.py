"""What a stage found out about each clip, kept so that it is never found out twice.

While a stage runs, each task appends its results to a file of blocks, a *segment*. A block ends with a checksum of its
content, so that a reader sees where a killed task stopped writing and ignores the rest. When the stage is finished, the
segments are compacted into `results.parquet`. Two tasks never write one file, even if one of them is a copy that an
engine started because it believed the first one lost.

    block = magic, number of bytes, Arrow stream of one batch, CRC-32, magic
"""

import os
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.groups import GroupWriter
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"MMASEGM1"
_HEAD = struct.Struct("<8sQ")
_FOOT = struct.Struct("<I8s")
_GROUP_ROWS = 4096
_RUN = b"run"
_ASKED_AT_A_TIME = 4096
_RECORD = [("clip_id", pa.string()), ("inputs", pa.string()), ("found", pa.string())]


_NAMES = [name for name, _ in _RECORD]


@dataclass(frozen=True)
class Record:
    """The result of one clip.

    Attributes:
        clip_id: the clip.
        inputs: hash of what the result was made from.
        found: what the stage changed in the clip's row, as JSON.
        columns: values of the stage's own columns.
    """

    clip_id: str
    inputs: str
    found: str
    columns: Mapping[str, Any]


class SegmentWriter:
    """Appends blocks of records to a new file.

    Args:
        path: the file, which must not exist.
        schema: columns of a record.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._schema = schema
        self._file: int | None = None

    def append(self, records: Sequence[Record]) -> None:
        """Write ``records`` as one block; a kill in the middle of it loses this block and no other."""
        if not records:
            return
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        rows = [{"clip_id": r.clip_id, "inputs": r.inputs, "found": r.found, **r.columns} for r in records]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema) as stream:
            stream.write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))
        content = sink.getvalue().to_pybytes()
        block = _HEAD.pack(_MAGIC, len(content)) + content + _FOOT.pack(zlib.crc32(content), _MAGIC)
        left = memoryview(block)
        while left:
            left = left[os.write(self._file, left) :]

    def close(self) -> None:
        """Make what was written survive a power cut."""
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None


class Results:
    """The results of one stage.

    Args:
        folder: the stage's folder.
        columns: columns that the stage adds to a record.
    """

    def __init__(self, folder: Path, columns: pa.Schema | None = None) -> None:
        self.compacted = folder / "results.parquet"
        self.segments = folder / "segments"
        self.schema = pa.schema([*_RECORD, *(columns or ())])
        if len(set(self.schema.names)) < len(self.schema.names):
            raise MMABenchError(f"the stage {folder.name} has two columns of one name, or one of {', '.join(_NAMES)}")

    def writer(self, run: int, rank: int) -> SegmentWriter:
        """Return a writer of a new segment, for a task of a run of the stage; later runs have greater numbers."""
        return SegmentWriter(self.segments / f"{run:06d}-{rank:05d}-{secrets.token_hex(4)}.segment", self.schema)

    def find(self, clip_ids: pa.Array) -> "Found":
        """Look up the latest record of each of ``clip_ids``."""
        return Found(self, clip_ids)

    def last_run(self) -> int:
        """Return the number of the latest run that left something."""
        runs = [_run_of(path) for path in self.segments.glob("*.segment")]
        return max([0, *runs, *(source.run for source in self.sources()[:1])])

    def compact(self) -> None:
        """Put the latest record of each clip into `results.parquet`, and delete the segments."""
        segments = sorted(self.segments.glob("*.segment"))
        if not segments:
            return
        sources = self.sources()
        names = pa.chunked_array([source.clip_ids() for source in sources], pa.string())
        codes = names.combine_chunks().dictionary_encode().indices.to_numpy()
        latest = np.full(int(codes.max(initial=-1)) + 1, -1)
        latest[codes] = np.arange(len(codes))
        keep = latest[codes] == np.arange(len(codes))
        self._rewrite(sources, lambda at, table: keep[at : at + len(table)])
        for path in segments:
            path.unlink(missing_ok=True)

    def forget(self, forgets: Callable[[str], bool], *, before: Callable[[], None] = lambda: None) -> int:
        """Forget records, and return their number.

        Args:
            forgets: whether to forget a record, told by its ``found``.
            before: called once before anything is forgotten, if there is something.
        """
        self.compact()
        sources = self.sources()
        tables = (source.table(number) for source in sources for number in range(source.count))
        gone = [forgets(found) for table in tables for found in table["found"].to_pylist()]
        keep = ~np.array(gone, np.bool_)
        if keep.all():
            return 0
        before()
        self._rewrite(sources, lambda at, table: keep[at : at + len(table)])
        return int((~keep).sum())

    def _rewrite(
        self, sources: "Sequence[_Compacted | _Segment]", keep: "Callable[[int, pa.Table], NDArray[np.bool_]]"
    ) -> None:
        """Write the records for which ``keep(number of the first, records)`` is true."""
        at = 0
        schema = self.schema.with_metadata({_RUN: str(max(source.run for source in sources))})
        with atomic_path(self.compacted) as temporary, GroupWriter(temporary, schema, _GROUP_ROWS) as file:
            for source in sources:
                for number in range(source.count):
                    table = source.table(number)
                    file.add(table.filter(pa.array(keep(at, table))))
                    at += len(table)

    def sources(self) -> "list[_Compacted | _Segment]":
        """Return what can be read: the compacted file, then the segments of later runs, later ones last.

        Raises:
            MMABenchError: `results.parquet` is damaged.
        """
        found: list[_Compacted | _Segment] = [_Compacted(self.compacted)] if self.compacted.is_file() else []
        compacted = (
            found[0].run if found else 0
        )  # a task of an earlier run may still be writing, which no longer counts
        later = [path for path in sorted(self.segments.glob("*.segment")) if _run_of(path) > compacted]
        found += [_Segment(path) for path in later]
        return [source for source in found if source.schema in (None, self.schema)]


class Found:
    """Where the records of some clips are.

    Args:
        results: where to look.
        clip_ids: the clips.
    """

    def __init__(self, results: Results, clip_ids: pa.Array) -> None:
        self._sources = results.sources()
        self._schema = results.schema
        self._source = np.full(len(clip_ids), -1, np.int32)
        self._batch = np.zeros(len(clip_ids), np.int32)
        self._row = np.zeros(len(clip_ids), np.int32)
        self._held: tuple[int, pa.Table] | None = None
        for number, source in enumerate(self._sources):
            places = pc.index_in(source.clip_ids(), value_set=clip_ids)
            there = np.flatnonzero(places.is_valid())
            mine = places.drop_null().to_numpy()
            firsts = np.cumsum([0, *source.lengths])
            batch = np.searchsorted(firsts, there, "right") - 1
            self._source[mine], self._batch[mine], self._row[mine] = number, batch, there - firsts[batch]

    @property
    def missing(self) -> int:
        """Number of clips that have no record."""
        return int((self._source < 0).sum())

    def records(self, start: int, stop: int) -> Iterator[dict[str, Any] | None]:
        """Yield the record of each clip from position ``start`` to before ``stop``, or None."""
        there = start + np.flatnonzero(self._source[start:stop] >= 0)
        found = dict(zip(there.tolist(), self._gather(there, _NAMES).to_pylist(), strict=True))
        yield from (found.get(at) for at in range(start, stop))

    def columns(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the columns ``names`` of the records in the order of the clips, a few thousand at a time.

        Raises:
            MMABenchError: a clip has no record.
        """
        if self.missing:
            raise MMABenchError(f"{self.missing} clips have no record; run the same command again")
        for start in range(0, len(self._source), _ASKED_AT_A_TIME):
            yield self._gather(np.arange(start, min(start + _ASKED_AT_A_TIME, len(self._source))), names)

    def _gather(self, positions: "NDArray[np.int64]", names: Sequence[str]) -> pa.Table:
        """Return columns of the records at ``positions``, in this order; each table is read once."""
        places = self._source[positions].astype(np.int64) << 32 | self._batch[positions]
        parts, order = [], []
        for place in np.unique(places).tolist():
            mine = np.flatnonzero(places == place)
            parts.append(self._table(place).select(names).take(self._row[positions[mine]]))
            order.append(mine)
        if not parts:
            return pa.schema([self._schema.field(name) for name in names]).empty_table()
        return pa.concat_tables(parts).take(np.argsort(np.concatenate(order)))

    def _table(self, place: int) -> pa.Table:
        if self._held is None or self._held[0] != place:
            self._held = (place, self._sources[place >> 32].table(place & 0xFFFFFFFF))
        return self._held[1]


class _Compacted:
    """`results.parquet`."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise MMABenchError(f"{path} is damaged ({error}); delete it and run the same command again") from error
        self.schema: pa.Schema | None = self._file.schema_arrow
        self.run = int((self._file.schema_arrow.metadata or {}).get(_RUN, b"0"))
        self.count = self._file.num_row_groups
        self.lengths = [self._file.metadata.row_group(number).num_rows for number in range(self.count)]

    def clip_ids(self) -> pa.Array:
        return self._file.read(["clip_id"])["clip_id"].combine_chunks()

    def table(self, number: int) -> pa.Table:
        return self._file.read_row_group(number)


class _Segment:
    """A segment, up to the block that a kill cut off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.run = _run_of(path)
        self._starts: list[tuple[int, int]] = []
        self._names: list[pa.Array] = []
        self.schema: pa.Schema | None = None
        with suppress(FileNotFoundError), open(path, "rb") as file:  # compacted meanwhile by another process
            while (content := _block(file)) is not None:
                table = pa.ipc.open_stream(content).read_all()
                self.schema = table.schema
                self._starts.append((file.tell() - _FOOT.size - len(content), len(content)))
                self._names.append(table["clip_id"].combine_chunks())
        self.count = len(self._starts)
        self.lengths = [len(names) for names in self._names]

    def clip_ids(self) -> pa.Array:
        return pa.concat_arrays(self._names) if self._names else pa.array([], pa.string())

    def table(self, number: int) -> pa.Table:
        start, length = self._starts[number]
        with open(self._path, "rb") as file:
            file.seek(start)
            return pa.ipc.open_stream(file.read(length)).read_all()


def _run_of(segment: Path) -> int:
    start = segment.name[:6]
    return int(start) if start.isdecimal() else 0


def _block(file: Any) -> bytes | None:
    """Read the next block; None at the end, or where a block is incomplete."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, length = _HEAD.unpack(head)
    if magic != _MAGIC or length > os.fstat(file.fileno()).st_size - file.tell() - _FOOT.size:
        return None
    content: bytes = file.read(length)
    foot = file.read(_FOOT.size)
    whole = len(content) == length and len(foot) == _FOOT.size and _FOOT.unpack(foot) == (zlib.crc32(content), _MAGIC)
    return content if whole else None
