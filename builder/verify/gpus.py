"""Give each process that runs a model a GPU of its own."""

import os
import tempfile
from pathlib import Path
from typing import Any

from mma_bench.files.lock import open_locked
from mma_bench.models.gpus import visible_gpus

__all__ = ["claim_gpu", "visible_gpus"]

_held: list[Any] = []  # open files: a lock lasts as long as its file is open, so as long as the process


def claim_gpu() -> str | None:
    """Make one GPU the only one that this process sees, one that no other process of a build has claimed.

    datatrove tells a block its task's number, not which of the pool's processes runs it, and a process runs
    several tasks; so each takes a lock that the system frees when the process ends, however it ends.

    Returns:
        The GPU, or none if there is only one or none at all.
    """
    gpus = visible_gpus()
    if len(gpus) < 2:
        return None
    for gpu in gpus:
        path = Path(tempfile.gettempdir()) / f"mma-bench-gpu-{os.getuid()}-{gpu.replace('/', '_')}.lock"
        try:
            _held.append(open_locked(path, wait=False))  # kept open on purpose
        except BlockingIOError:
            continue
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
        return gpu
    return None
