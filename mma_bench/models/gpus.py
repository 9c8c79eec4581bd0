"""Which GPUs this process may use."""

import os


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
