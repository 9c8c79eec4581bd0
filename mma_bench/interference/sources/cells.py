"""Pictures and sounds in the cells of a table."""

import contextlib
import functools
import itertools
from collections.abc import Sequence

from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes, sha256_json
from mma_bench.files.regular import read_inside
from mma_bench.interference.sources.files import Reader
from mma_bench.interference.sources.rows import Rows, column_of, value_of


def cell_reader(rows: Rows, number: int, column: str, largest: int) -> Reader:
    """Return what reads the file of a cell: bytes, `{bytes, path}`, or a path below the folder of the table."""
    return functools.partial(_read, rows, number, column, largest)


def fingerprint_of(rows: Rows, columns: Sequence[str], largest: int) -> str:
    """Return the hash of a table and of the files that cells of ``columns`` name, if they do not have them inside.

    Args:
        rows: the table.
        columns: of pictures and sounds.
        largest: bytes of a file; a larger one, or one that cannot be read, has no hash.
    """
    contents: dict[str, str | None] = {}
    for name in itertools.chain.from_iterable(rows.files_named(column) for column in columns):
        if name not in contents:
            contents[name] = None
            with contextlib.suppress(OSError):
                contents[name] = sha256_bytes(read_inside(rows.folder, name, largest))
    return sha256_json([rows.fingerprint, list(contents.values())]) if contents else rows.fingerprint


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
