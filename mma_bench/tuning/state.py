"""Checkpoints from which a killed run resumes and ends with the weights of an uninterrupted one."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path, put_in_place, staging_folder
from mma_bench.tuning.record import RunRecord

if TYPE_CHECKING:
    import torch

_FOLDER, _STEP = "checkpoints", "step-"


@dataclass
class State:
    """What a process needs to resume.

    Attributes:
        run: hash of configuration and inputs.
        step: steps that were taken.
        weights: the trainable weights.
        optimizer: state of the optimizer.
        scheduler: state of the learning rate.
        data: position of each stream.
        rng: states of torch's random generators.
        best: weights of the best evaluation.
        score: its score.
        waited: evaluations since then.
    """

    run: str
    step: int
    weights: dict[str, "torch.Tensor"]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    data: dict[str, Any]
    rng: dict[str, Any]
    best: dict[str, "torch.Tensor"]
    score: tuple[float, float] | None
    waited: int


def rng_state() -> dict[str, Any]:
    """Return the states of torch's generators on this device; everything else depends only on seed and step."""
    import torch

    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None}


def set_rng_state(state: dict[str, Any]) -> None:
    """Restore the states that `rng_state` returned."""
    import torch

    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"])


def save(out: Path, state: State, accelerator: Any) -> None:
    """Write the state of every process; the step's folder appears when it is complete."""
    import torch

    folder = out / _FOLDER / f"{_STEP}{state.step:08d}"
    staging = staging_folder(folder)  # one for all processes
    if accelerator.is_main_process:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
    accelerator.wait_for_everyone()
    # We open the file: if torch does, the error for a full disk does not say so.
    with atomic_path(staging / f"rank-{accelerator.process_index}.pt") as path, open(path, "wb") as file:
        torch.save(vars(state), file)
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        put_in_place(staging, folder)
        for older in _steps(out)[:-2]:  # the previous one stays, in case the disk damages the last
            shutil.rmtree(older)
    accelerator.wait_for_everyone()


def load(out: Path, record: RunRecord, accelerator: Any) -> State | None:
    """Return the last state of this process, or None.

    Raises:
        MMABenchError: it is damaged, or from another configuration or another number of processes.
    """
    import torch

    steps = _steps(out)
    if not steps:
        return None
    files = sorted(steps[-1].glob("rank-*.pt"))
    if len(files) != accelerator.num_processes:
        raise MMABenchError(
            f"{steps[-1]} was saved by {len(files)} processes and cannot resume with {accelerator.num_processes}; "
            "start the same number, or choose another --out"
        )
    path = steps[-1] / f"rank-{accelerator.process_index}.pt"
    try:
        # On the CPU, where the states of generators must be; the optimizer moves its own to the device of the weights.
        state = State(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises a dozen kinds of exceptions for a damaged file
        raise MMABenchError(f"{path} is damaged; remove {steps[-1]} to resume from the previous one") from error
    if state.run != record.sha256:
        raise MMABenchError(
            f"{out} contains a run with another configuration, model or dataset ({record.difference(out)}); "
            "choose another --out, or remove it"
        )
    return state


def _steps(out: Path) -> list[Path]:
    return sorted((out / _FOLDER).glob(f"{_STEP}*"))
