"""Give each process that runs a model its own GPU."""

import os
import tempfile
from pathlib import Path
from typing import Any

from mma_bench.files.lock import open_locked

_held: list[Any] = []  # open files: a lock lasts as long as its file is open, so until the process ends


def visible_gpus() -> list[str]:
    """Return the names by which CUDA_VISIBLE_DEVICES selects the GPUs that this process may use.

    The answer comes from the driver's management library: no CUDA context is created, so the selection can still be
    narrowed afterwards.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in {"", "-1"}]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


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
