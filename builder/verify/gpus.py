"""Give each process that runs a model its own GPU."""

import os
import tempfile
from pathlib import Path
from typing import Any

from mma_bench.files.lock import open_locked
from mma_bench.models.gpus import visible_gpus

__all__ = ["claim_gpu", "visible_gpus"]

_held: list[Any] = []  # open files: a lock lasts as long as its file is open, so until the process ends


def claim_gpu() -> str | None:
    """Restrict this process to one GPU that no other process of a build has claimed.

    datatrove tells a block the number of its task, not which process of the pool runs it, and a process runs several
    tasks. Therefore each process takes a lock, which the system releases however the process ends.

    Returns:
        The GPU, or none if there is only one or none at all.
    """
    gpus = visible_gpus()
    if len(gpus) < 2:
        return None
    for gpu in gpus:
        path = Path(tempfile.gettempdir()) / f"mma-bench-gpu-{os.getuid()}-{gpu.replace('/', '_')}.lock"
        try:
            _held.append(open_locked(path, wait=False))  # intentionally kept open
        except BlockingIOError:
            continue
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
        return gpu
    return None
