"""The processes of a build: how they end with it, and which engine started them."""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError
from mma_bench.files.lock import hold

_PR_SET_PDEATHSIG = 1
_LOCK = "workers.lock"
_PATIENCE_SECONDS = 60.0
_SILENT_SECONDS = 2.0
_LOOK_SECONDS = 0.05


def die_with_parent() -> None:
    """Ask the kernel to kill this process as soon as the thread that started it ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def show_at_work(folder: Path) -> None:
    """Let `wait_for_workers` see in ``folder``, that of a stage's logs, that this process works, until it has ended."""
    with suppress(OSError):  # a file system without locks
        hold(os.open(folder / _LOCK, os.O_RDONLY | os.O_CREAT), shared=True)


def wait_for_workers(folder: Path) -> None:
    """Wait for the end of the processes on this machine that a killed build left; ``folder`` has the stage's logs.

    They are killed with it, but the system may take a second to end them, and until then they may write results.

    Raises:
        MMABenchError: they do not end.
    """
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR)  # NFS locks for one only what is open for writing
    except FileNotFoundError:
        return
    try:
        begun, told = time.monotonic(), False
        while True:
            try:
                hold(descriptor, wait=False)
                return
            except BlockingIOError:
                waited, said = time.monotonic() - begun, f"processes of an earlier run still work in {folder.parent}"
                if waited > _PATIENCE_SECONDS:
                    raise MMABenchError(f"{said}; end them, then run the same command again") from None
                if waited > _SILENT_SECONDS and not told:
                    say(f"{said}; waiting for their end")
                    told = True
                time.sleep(_LOOK_SECONDS)
            except OSError:  # a file system without locks
                return
    finally:
        os.close(descriptor)


def engine() -> str:
    """Return what runs this process: `LOCAL`, `RAY` or `SLURM`, as datatrove says in the environment of a task."""
    return os.environ.get("DATATROVE_EXECUTOR", "LOCAL")
