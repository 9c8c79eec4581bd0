"""Checkpoints from which a killed run goes on to the very weights of an undisturbed one."""

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
    """What a process must know to go on.

    Attributes:
        run: hash of configuration and inputs.
        step: steps that were taken.
        weights: the weights that move.
        optimizer: state of the optimizer.
        scheduler: state of the learning rate.
        data: how far each stream came.
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
    """Return the states of torch's generators, of this process's device; all else is a function of seed and step."""
    import torch

    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None}


def set_rng_state(state: dict[str, Any]) -> None:
    """Go back to the states that `rng_state` returned."""
    import torch

    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"])


def save(out: Path, state: State, accelerator: Any) -> None:
    """Write the state of every process; the step's folder appears when all of it is there."""
    import torch

    folder = out / _FOLDER / f"{_STEP}{state.step:08d}"
    staging = staging_folder(folder)  # one for all processes
    if accelerator.is_main_process:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
    accelerator.wait_for_everyone()
    # A file of ours: where torch opens it, a full disk ends in an error that does not say so.
    with atomic_path(staging / f"rank-{accelerator.process_index}.pt") as path, open(path, "wb") as file:
        torch.save(vars(state), file)
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        put_in_place(staging, folder)
        for older in _steps(out)[:-2]:  # the one before stays, should the disk damage the last
            shutil.rmtree(older)
    accelerator.wait_for_everyone()


def load(out: Path, record: RunRecord, accelerator: Any) -> State | None:
    """Return the last state of this process, none if there is none.

    Raises:
        MMABenchError: it is damaged, or of another configuration, or of another number of processes.
    """
    import torch

    steps = _steps(out)
    if not steps:
        return None
    files = sorted(steps[-1].glob("rank-*.pt"))
    if len(files) != accelerator.num_processes:
        raise MMABenchError(
            f"{steps[-1]} was saved by {len(files)} processes and cannot go on with {accelerator.num_processes}; start "
            "as many, or choose another --out"
        )
    path = steps[-1] / f"rank-{accelerator.process_index}.pt"
    try:
        # On the CPU, as generators' states must be; the optimizer takes its own to where the weights are.
        state = State(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises a dozen kinds for a damaged file
        raise MMABenchError(f"{path} is damaged; remove {steps[-1]} to go on from the one before") from error
    if state.run != record.sha256:
        raise MMABenchError(
            f"{out} holds a run of another configuration, model or data ({record.difference(out)}); choose another "
            "--out, or remove it"
        )
    return state


def _steps(out: Path) -> list[Path]:
    return sorted((out / _FOLDER).glob(f"{_STEP}*"))
