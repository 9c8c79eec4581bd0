"""A manifest on disk, read by columns or by ranges of rows, so that no process holds all rows as objects."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from builder.groups import GroupWriter
from builder.manifest import ManifestRow
from mma_bench.dataset.columns import arrow_schema, to_table
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path
from mma_bench.files.faults import first_fault
from mma_bench.schema import Clip

GROUP_ROWS = 16_384
"""Rows of a row group: what a reader holds at a time as Arrow columns, about 10 MB."""

OBJECTS_AT_A_TIME = 1024
"""Rows that are objects at a time, about 5 MB."""


class OtherClips(Exception):  # noqa: N818  (the caller says what it means)
    """Results are not those of the clips that they were made from."""


class Manifest:
    """One row per clip, in the order of the source's list.

    Iterating gives the clips that no stage has dropped, each as a `ManifestRow`. Rows are read when they are asked for.

    Args:
        path: the Parquet file that a stage wrote; None for no rows.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    @property
    def row_count(self) -> int:
        """Number of clips, dropped ones included."""
        if self.path is None:
            return 0
        with _readable(self.path):
            return int(pq.read_metadata(self.path).num_rows)

    def __iter__(self) -> Iterator[ManifestRow]:
        """Yield the kept clips in their order."""
        return self.rows(kept_only=True)

    @property
    def kept_count(self) -> int:
        """Number of clips that no stage has dropped."""
        return sum(table["dropped_by"].null_count for table in self.tables(["dropped_by"]))

    def rows(self, start: int = 0, stop: int | None = None, *, kept_only: bool = False) -> Iterator[ManifestRow]:
        """Yield the rows from ``start`` to before ``stop``; with ``kept_only`` without the clips that were dropped.

        Raises:
            MMABenchError: the file is not a manifest of this version.
        """
        for table in self.tables(None, start, stop):
            yield from self._rows_of(table.filter(pc.is_null(table["dropped_by"])) if kept_only else table)

    def kept_in(self, split: str) -> Iterator[ManifestRow]:
        """Yield the kept clips of a split; those of others do not become objects.

        Raises:
            MMABenchError: the file is not a manifest of this version.
        """
        for table in self.tables():
            yield from self._rows_of(table.filter(pc.is_null(table["dropped_by"])).filter(pc.field("split") == split))

    def tables(
        self, columns: Sequence[str] | None = None, start: int = 0, stop: int | None = None
    ) -> Iterator[pa.Table]:
        """Yield the rows from ``start`` to before ``stop`` as Arrow tables of at most `GROUP_ROWS` rows.

        Args:
            columns: the columns to read; None for all.
            start: number of the first row.
            stop: number of the row after the last; None for the end.

        Raises:
            MMABenchError: the file is not a manifest of this version.
        """
        if self.path is None:
            return
        with _readable(self.path), pq.ParquetFile(self.path) as file:
            if not file.schema_arrow.equals(_SCHEMA):
                raise ValueError("it has other columns")
            at = 0
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                first, last = max(start - at, 0), rows if stop is None else min(stop - at, rows)
                if first < last:
                    yield file.read_row_group(group, columns).slice(first, last - first)
                at += rows

    def column(self, name: str, start: int = 0, stop: int | None = None, *, kept_only: bool = True) -> pa.Array:
        """Return one column, by default of the kept clips alone."""
        names = [name] if name == "dropped_by" else [name, "dropped_by"]
        parts = [
            (table.filter(pc.is_null(table["dropped_by"])) if kept_only else table)[name]
            for table in self.tables(names, start, stop)
        ]
        return pa.chunked_array(parts, type=_SCHEMA.field(name).type).combine_chunks()

    def content_hash(self) -> str:
        """Return a hash of the rows that does not depend on where the work folder is."""
        digest = hashlib.sha256()
        for table in self.tables():
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, _PLACELESS) as stream:
                stream.write_table(table.select(_PLACELESS.names).combine_chunks())
            digest.update(sink.getvalue())
        return digest.hexdigest()

    def divided(self, parts: int) -> list[int]:
        """Return the row numbers at which ``parts`` ranges with equally many kept clips begin, and the end."""
        dropped = [table["dropped_by"].is_null().to_numpy() for table in self.tables(["dropped_by"])]
        kept = np.flatnonzero(np.concatenate(dropped)) if dropped else np.zeros(0, np.int64)
        firsts = [int(kept[len(kept) * part // parts]) if len(kept) else 0 for part in range(1, parts)]
        return [0, *firsts, sum(map(len, dropped))]

    def _rows_of(self, table: pa.Table) -> Iterator[ManifestRow]:
        for first in range(0, len(table), OBJECTS_AT_A_TIME):
            yield from self._objects(table.slice(first, OBJECTS_AT_A_TIME))

    def _objects(self, table: pa.Table) -> list[ManifestRow]:
        # A column of nulls takes as long to turn into objects as any other, and most columns are null at first.
        empty = [name for name in _OPTIONAL if table[name].null_count == len(table)]
        with _readable(Path(self.path or "")):
            return [ManifestRow.model_validate(row) for row in table.drop_columns(empty).to_pylist()]


class PublishedClips:
    """The published records of the kept clips of a manifest; iterating makes them one after the other."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def __iter__(self) -> Iterator[Clip]:
        """Yield the clips."""
        return (row.to_clip() for row in self._manifest)


class ManifestWriter(GroupWriter):
    """Writes rows one after the other; use it by `manifest_writer`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA, GROUP_ROWS)

    def add_rows(self, rows: Iterable[ManifestRow]) -> None:
        """Write ``rows`` after those before."""
        for table in tables_of(rows):
            self.add(table)


def tables_of(rows: Iterable[ManifestRow]) -> Iterator[pa.Table]:
    """Yield ``rows`` as Arrow tables."""
    stream = iter(rows)
    while some := list(islice(stream, OBJECTS_AT_A_TIME)):
        yield to_table(ManifestRow, some)


@contextmanager
def manifest_writer(path: Path) -> Iterator[ManifestWriter]:
    """Yield a writer of the manifest ``path``, which is there only when the block has ended; same rows, same bytes."""
    with atomic_path(path) as temporary, ManifestWriter(temporary) as writer:
        yield writer


def write_manifest(path: Path, rows: Iterable[ManifestRow]) -> None:
    """Write ``rows`` to a Parquet file atomically; same rows, same bytes."""
    with manifest_writer(path) as writer:
        writer.add_rows(rows)


def read_manifest(path: Path, *, kept_only: bool = False) -> list[ManifestRow]:
    """Read a manifest as objects, which takes 5 kB a clip; with ``kept_only`` without the clips that were dropped.

    Raises:
        MMABenchError: the file is not a manifest.
    """
    return list(Manifest(path).rows(kept_only=kept_only))


def replaced(source: Manifest, results: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the rows of ``source`` with its kept rows replaced by ``results``, which are in the same order.

    Raises:
        OtherClips: ``results`` are other clips than the kept ones.
    """
    stream = _Stream(results)
    for table in source.tables():
        kept = table["dropped_by"].is_null().to_numpy()
        if not kept.any():
            yield table
            continue
        new = stream.take(int(kept.sum()))
        places = np.arange(len(table))
        places[kept] = len(table) + np.arange(len(new))
        if new["clip_id"].to_pylist() != table["clip_id"].filter(pa.array(kept)).to_pylist():
            raise OtherClips("other clips than the kept ones, or in another order")
        yield pa.concat_tables([table, new]).take(places)
    if stream.has_more():
        raise OtherClips("more clips than there were")


class _Stream:
    """Takes a number of rows at a time from tables of any length."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self._held = _SCHEMA.empty_table()

    def take(self, rows: int) -> pa.Table:
        held = [self._held]
        while (count := sum(map(len, held))) < rows:
            if not (more := list(islice(self._tables, 1))):
                raise OtherClips(f"{rows - count} clips have no result")
            held += more
        together = pa.concat_tables(held)
        self._held = together.slice(rows)
        return together.slice(0, rows)

    def has_more(self) -> bool:
        return len(self._held) > 0 or any(len(table) for table in self._tables)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what is wrong with a manifest into one error."""
    try:
        yield
    except FileNotFoundError as error:
        raise MMABenchError(f"{path} is missing (was its folder removed meanwhile?); run the build again") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        reason: Any = first_fault(error) if isinstance(error, ValidationError) else error
        raise MMABenchError(
            f"{path} is not a manifest of this version ({reason}); delete its folder and run the stage again"
        ) from error


NO_CLIPS = Manifest(None)
"""What the first stage gets."""

_SCHEMA = arrow_schema(ManifestRow)
_PLACELESS = pa.schema([column for column in _SCHEMA if column.name != "media"])
_OPTIONAL = [name for name, about in ManifestRow.model_fields.items() if about.default is None]
