"""Reads Arrow and Parquet files of unknown origin in a process of their own before this one opens them.

pyarrow does not check an Arrow file before it follows the offsets in it: of 239 files of `datasets` with some bytes
changed, 16 ended the process with a segmentation fault when their rows were read, which no exception can catch (of 242
such Parquet files, none). `validate` finds such offsets, but opening a file could crash, too. So a child process opens
and validates all of it; what the child survives cannot crash this process. It reads each file once more, as its hash
does.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mma_bench.errors import MMABenchError

_BATCH = 64
"""Rows at a time, because each may have a picture or a sound in it."""

_BUFFER = 1 << 20
"""Bytes that are read at a time."""

_REFUSED, _NO_MEMORY = 3, 4
"""Exit status of the child for a file that it found to be wrong, or too large; the reason is on its standard output."""

_KILLED = (-signal.SIGKILL, -signal.SIGTERM)
"""Status of a child that the system or a user ended: this says nothing about the file."""


def check_tables(files: Sequence[Path]) -> None:
    """Check that every row of ``files``, named `*.parquet` or else Arrow files, can be read without a crash.

    Raises:
        MMABenchError: one cannot be, or memory ran out.
    """
    if not files:
        return
    # -P: the working folder may hold somebody's `pyarrow.py`. The paths go to standard input, because the length of a
    # command is limited, and end with a NUL, because they may contain anything else.
    command = [sys.executable, "-P", "-c", _CHILD, *map(str, sys.path)]
    paths = b"".join(os.fsencode(path) + b"\0" for path in files)
    done = subprocess.run(command, input=paths, capture_output=True, check=False)
    if done.returncode == 0:
        return
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines() or [""]
    number, _, reason = lines[-1].partition(" ")
    path = files[int(number)] if number.isdigit() and int(number) < len(files) else files[0]
    if done.returncode in _KILLED:
        raise MMABenchError(
            f"{path}: the process that checked it was killed (status {done.returncode}), which the system does when "
            "memory runs out; free memory and run the command again"
        )
    if done.returncode == _NO_MEMORY:
        raise MMABenchError(
            f"{path}: not enough memory to read it ({reason or 'out of memory'}); free memory and run the command "
            "again; if this remains, the file is damaged"
        )
    if done.returncode != _REFUSED:
        reason = f"reading it ends the process (status {done.returncode})"
    kind = "a Parquet table" if _is_parquet(path.name) else "an Arrow table"
    raise MMABenchError(f"{path} is not {kind}: {reason or 'it is damaged'}; download or save it again")


_CHILD = """
import os
import sys
sys.path[:] = sys.argv[1:]
from mma_bench.files.arrow_check import read_all
sys.exit(read_all([os.fsdecode(path) for path in sys.stdin.buffer.read().split(b"\\0")[:-1]]))
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
        except MemoryError as error:  # before pyarrow's errors, of which its own is one
            print(number, " ".join(str(error).split())[:200], flush=True)
            return _NO_MEMORY
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            print(number, " ".join(str(error).split())[:200], flush=True)
            return _REFUSED
    return 0


def _is_parquet(name: str) -> bool:
    return name.casefold().endswith(".parquet")


def _read_parquet(path: str) -> None:
    import pyarrow.parquet as pq

    from mma_bench.files.tables import MAX_ROWS

    # By default, pyarrow reads row groups ahead, whatever the size of the batches.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
        if file.metadata.num_rows > MAX_ROWS:
            raise ValueError(f"it has {file.metadata.num_rows} rows, more than the {MAX_ROWS} that are read")
        for batch in file.iter_batches(_BATCH):
            batch.validate(full=True)


def _read_arrow(path: str) -> None:
    import pyarrow as pa

    with pa.memory_map(path) as source, pa.ipc.open_stream(source) as reader:
        for batch in reader:
            batch.validate(full=True)
