"""Give each process that runs a model its own GPUs, on a machine where no cluster does that."""

import os
from pathlib import Path
from typing import Any

from builder.processes import engine
from mma_bench.files.lock import open_locked
from mma_bench.models.gpus import visible_gpus

__all__ = ["claim_gpus", "visible_gpus"]

_held: list[Any] = []  # open files: a lock lasts as long as its file is open, so until the process ends


def claim_gpus(count: int = 1) -> list[str]:
    """Restrict this process to ``count`` GPUs that no other process of a build has claimed.

    datatrove tells a block the number of its task, not which process of the pool runs it, and a process runs several
    tasks. Therefore each process takes locks, which the system releases however the process ends. Ray and Slurm give
    each task its GPUs themselves; their choice is left as it is.

    Returns:
        The GPUs; none if there are not more than ``count``, if too few are free, or if a cluster chose.
    """
    gpus = visible_gpus()
    if engine() != "LOCAL" or len(gpus) <= count:
        return []
    claimed: list[str] = []
    for gpu in gpus:
        # Not the temporary folder of libraries: on a scratch disk, each process has its own.
        folder = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108
        try:
            lock = open_locked(folder / f"mma-bench-gpu-{os.getuid()}-{gpu.replace('/', '_')}.lock", wait=False)
        except BlockingIOError:
            continue
        _held.append(lock)  # intentionally kept open
        claimed.append(gpu)
        if len(claimed) == count:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(claimed)
            return claimed
    return []
