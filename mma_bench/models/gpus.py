"""Which GPUs this process may use, and what to say when one has too little memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mma_bench.errors import MMABenchError


def visible_gpus() -> list[str]:
    """Return the names by which CUDA_VISIBLE_DEVICES selects the GPUs that this process may use.

    The answer comes from the driver's management library: no CUDA context is made, so the choice can still be
    narrowed afterwards.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in {"", "-1"}]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


@contextmanager
def enough_memory(name: str, lower: str) -> Iterator[None]:
    """Raise a clear error if the block needs more memory than the GPU has.

    Args:
        name: the model.
        lower: the options that take less memory with lower values.

    Raises:
        MMABenchError: it does.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MMABenchError(f"{name} ran out of GPU memory; lower --model-option {lower}") from error
