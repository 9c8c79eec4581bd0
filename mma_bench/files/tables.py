"""Parquet tables that somebody else supplied, read within bounds."""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mma_bench.files.regular import open_inside

MAX_TABLE_BYTES = 8 << 30
"""Bound for a table's file, and for what it takes in memory: a few kilobytes of a file can claim a billion rows."""

MAX_ROWS = 10_000_000
"""Bound for the rows of a table: a column of nulls takes no bytes in Arrow, but each row becomes an object."""

_ROWS_AT_A_TIME = 4096


def read_parquet(folder: Path, name: str, *, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the table in the file ``name`` below ``folder``, with ``columns`` only if they are given.

    Raises:
        ValueError: it is not a Parquet table, or is too large. The message is one line.
        OSError: the file cannot be opened, or must not be (`mma_bench.files.regular.UnsafeFileError`).
    """
    with os.fdopen(open_inside(folder, name, MAX_TABLE_BYTES), "rb") as opened:
        try:
            file = pq.ParquetFile(opened)
            if file.metadata.num_rows > MAX_ROWS:
                raise ValueError(f"it has {file.metadata.num_rows} rows, more than the {MAX_ROWS} that are read")
            chosen = None if columns is None else list(columns)
            batches, size = [], 0
            for batch in file.iter_batches(_ROWS_AT_A_TIME, columns=chosen):
                batches.append(batch)
                size += batch.nbytes
                if size > MAX_TABLE_BYTES:
                    raise ValueError(f"it takes more than {MAX_TABLE_BYTES} bytes in memory")
            return pa.Table.from_batches(batches) if batches else file.read(columns=chosen)
        except (pa.ArrowException, OSError, KeyError) as error:
            raise ValueError(f"not a Parquet table: {' '.join(str(error).split())[:300]}") from error
