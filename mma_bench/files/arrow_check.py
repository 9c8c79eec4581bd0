"""Reads Arrow and Parquet files of unknown origin in a process of their own before this one opens them.

pyarrow does not check an Arrow file before it follows the offsets in it: of 239 files of `datasets` with some bytes
changed, 16 ended the process with a segmentation fault when their rows were read, which no exception can catch (of 242
such Parquet files, none). `validate` finds such offsets, but opening a file could crash, too. So a child process opens
and validates all of it; what the child survives cannot crash this process. It reads each file once more, as its hash
does.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mma_bench.errors import MMABenchError

_BATCH = 1024
_REFUSED = 3
"""Exit status of the child for a file that it found to be wrong; the reason is on its standard output."""


def check_tables(files: Sequence[Path]) -> None:
    """Check that every row of ``files``, named `*.parquet` or else Arrow files, can be read without a crash.

    Raises:
        MMABenchError: one cannot be.
    """
    if not files:
        return
    # -P: the working folder may hold somebody's `pyarrow.py`. The paths are arguments, so they may contain anything.
    command = [sys.executable, "-P", "-c", _CHILD, *map(str, sys.path), "--", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    lines = done.stdout.strip().splitlines() or [str(files[0])]
    number, _, reason = lines[-1].partition(" ")
    path = files[int(number)] if number.isdigit() and int(number) < len(files) else files[0]
    if done.returncode != _REFUSED:
        reason = f"reading it ends the process (status {done.returncode})"
    kind = "a Parquet table" if _is_parquet(path.name) else "an Arrow table"
    raise MMABenchError(f"{path} is not {kind}: {reason or 'it is damaged'}; download or save it again")


_CHILD = """
import sys
split = sys.argv.index("--")
sys.path[:] = sys.argv[1:split]
from mma_bench.files.arrow_check import read_all
sys.exit(read_all(sys.argv[split + 1:]))
"""


def read_all(files: Sequence[str]) -> int:
    """Read and validate all rows, in the child; print the number of each file before it is opened.

    Returns:
        The exit status.
    """
    import pyarrow as pa

    for number, path in enumerate(files):
        print(number, flush=True)
        try:
            _read_parquet(path) if _is_parquet(path) else _read_arrow(path)
        except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
            print(number, " ".join(str(error).split())[:200], flush=True)
            return _REFUSED
    return 0


def _is_parquet(name: str) -> bool:
    return name.casefold().endswith(".parquet")


def _read_parquet(path: str) -> None:
    import pyarrow.parquet as pq

    from mma_bench.files.tables import MAX_ROWS

    with pq.ParquetFile(path) as file:
        if file.metadata.num_rows > MAX_ROWS:
            raise ValueError(f"it has {file.metadata.num_rows} rows, more than the {MAX_ROWS} that are read")
        for batch in file.iter_batches(_BATCH):
            batch.validate(full=True)


def _read_arrow(path: str) -> None:
    import pyarrow as pa

    with pa.memory_map(path) as source, pa.ipc.open_stream(source) as reader:
        for batch in reader:
            batch.validate(full=True)
