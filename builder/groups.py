"""Write a Parquet file table by table, with row groups of one size however the tables came: same rows, same bytes."""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq


class GroupWriter:
    """Writes a Parquet file; a context manager.

    Args:
        path: the file.
        schema: its columns.
        rows: number of rows of each row group but the last.
    """

    def __init__(self, path: Path, schema: pa.Schema, rows: int) -> None:
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._rows = rows
        self._waiting: list[pa.Table] = []
        self._count = 0

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left."""
        if self._count and error is None:
            self._write(self._count)
        self._file.close()

    def add(self, table: pa.Table) -> None:
        """Write the rows of ``table`` after those before."""
        self._waiting.append(table)
        self._count += len(table)
        while self._count >= self._rows:
            self._write(self._rows)

    def _write(self, rows: int) -> None:
        waiting = pa.concat_tables(self._waiting).cast(self._schema)
        self._file.write_table(waiting.slice(0, rows).combine_chunks(), row_group_size=rows)
        self._waiting = [waiting.slice(rows)]
        self._count -= rows
