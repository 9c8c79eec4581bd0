"""Pictures and sounds in the cells of a table."""

import functools
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.files.regular import read_inside
from mma_bench.interference.sources.files import Reader
from mma_bench.interference.sources.rows import Rows


def cell_reader(rows: Rows, number: int, column: str, largest: int) -> Reader:
    """Return what reads the file of a cell: bytes, `{bytes, path}`, or a path below the folder of the table."""
    return functools.partial(_read, rows, number, column, largest)


def _read(rows: Rows, number: int, column: str, largest: int) -> bytes:
    cell: Any = rows.row(number, [column])[column]
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes):
        if len(cell) > largest:
            raise MMABenchError(f"has {len(cell)} bytes, more than the {largest} that are read")
        return cell
    if isinstance(cell, str) and cell.strip():
        return read_inside(rows.folder, cell, largest)
    raise MMABenchError(f"has no file in the column {column}")
