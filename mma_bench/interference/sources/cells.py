"""Pictures and sounds in the cells of a table."""

import contextlib
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes, sha256_json
from mma_bench.files.regular import read_inside
from mma_bench.interference.sources.files import Reader
from mma_bench.interference.sources.rows import Rows, TextRows


def cell_reader(rows: Rows, number: int, column: str, largest: int) -> Reader:
    """Return what reads the file of a cell: bytes, `{bytes, path}`, or a path below the folder of the table."""
    return functools.partial(_read, rows, number, column, largest)


def column_of(rows: Rows, name: str) -> str:
    """Return the column that ``name`` is in: itself, or `a` for the field `a.b`."""
    return name if name in rows.columns else name.split(".", maxsplit=1)[0]


def value_of(row: Mapping[str, Any], name: str) -> Any:
    """Return a cell, or the field `b` of the cell `a` for `a.b`; none if there is no such field."""
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def fingerprint_of(rows: Rows, columns: Sequence[str], largest: int) -> str:
    """Return the hash of a table and of the files that cells of ``columns`` name; Parquet mostly has the files inside.

    Args:
        rows: the table.
        columns: of pictures and sounds.
        largest: bytes of a file; a larger one, or one that cannot be read, has no hash.
    """
    if not columns or not isinstance(rows, TextRows):
        return rows.fingerprint
    contents: dict[str, str | None] = {}
    for number in range(len(rows)):
        for column in columns:
            cell = value_of(rows.row(number, [column_of(rows, column)]), column)
            name = cell.get("path") if isinstance(cell, dict) else cell
            if isinstance(name, str) and name not in contents:
                contents[name] = None
                with contextlib.suppress(OSError):
                    contents[name] = sha256_bytes(read_inside(rows.folder, name, largest))
    return sha256_json([rows.fingerprint, list(contents.values())])


def _read(rows: Rows, number: int, column: str, largest: int) -> bytes:
    cell = value_of(rows.row(number, [column_of(rows, column)]), column)
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes):
        if len(cell) > largest:
            raise MMABenchError(f"has {len(cell)} bytes, more than the {largest} that are read")
        return cell
    if isinstance(cell, str) and cell.strip():
        return read_inside(rows.folder, cell, largest)
    raise MMABenchError(f"has no file in the column {column}")
