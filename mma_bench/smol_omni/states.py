"""The states of the training on disk: written as a whole, checked when they are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path
from mma_bench.files.documents import parse_json

if TYPE_CHECKING:
    import torch


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors and plain values; a kill leaves the file as it was."""
    import torch

    with atomic_path(path) as temporary:
        torch.save(dict(state), temporary)


def read_state(path: Path, *names: str) -> dict[str, Any]:
    """Return what `write_state` wrote, with all tensors on the CPU, wherever they were made.

    Args:
        path: the file.
        names: what it must contain.

    Raises:
        MMABenchError: it is missing, damaged, or something else.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if all(name in state for name in names):
            return dict(state)
    except Exception as error:  # cut files raise errors of zip, pickle, struct and of the reader itself
        raise _damaged(path) from error
    raise _damaged(path)


def read_row(path: Path, *names: str) -> dict[str, Any]:
    """Return a JSON object.

    Args:
        path: the file.
        names: what it must contain.

    Raises:
        MMABenchError: it is missing, damaged, or something else.
    """
    try:
        row = parse_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    if not isinstance(row, dict) or any(name not in row for name in names):
        raise _damaged(path)
    return row


def put(weights: "Mapping[str, torch.Tensor]", values: "Mapping[str, torch.Tensor]", path: Path) -> None:
    """Copy ``values``, which were read from ``path``, into ``weights``, which must have the same names and shapes.

    Raises:
        MMABenchError: they do not.
    """
    import torch

    with torch.no_grad():
        for name, weight in weights.items():
            if name not in values or values[name].shape != weight.shape:
                raise MMABenchError(f"{path} has other weights: {name} is missing or of another shape; delete it")
            weight.copy_(values[name])


def _damaged(path: Path) -> MMABenchError:
    return MMABenchError(f"{path} is missing or damaged; delete it, and the same command makes it again")
