"""The processes of a build: how they end with it, and which engine started them."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process as soon as the thread that started it ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def engine() -> str:
    """Return what runs this process: `LOCAL`, `RAY` or `SLURM`, as datatrove says in the environment of a task."""
    return os.environ.get("DATATROVE_EXECUTOR", "LOCAL")
