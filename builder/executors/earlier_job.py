"""The Slurm jobs that work in a stage's folder, to be ended before another run works there."""

import time
from pathlib import Path

from builder.executors import slurm_queue
from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_text

_LOOK_SECONDS = 1.0
_REPEAT_SECONDS = 30.0
"""After which a job that has not ended is cancelled once more."""
_PATIENCE_SECONDS = 1800.0
"""How long a job may take to end: a lost node, or a controller that is restarted."""


def note_job(folder: Path, name: str) -> None:
    """Write down that a job called ``name`` is about to be submitted to work in the stage's ``folder``.

    The name is unique, and it is written first: wherever the build is killed, the next one finds the job.
    """
    write_text(_file(folder), "".join(f"{each}\n" for each in [*_noted(folder), name]))


def end_jobs(folder: Path, seconds: float) -> str:
    """Cancel the jobs that work in ``folder``, and wait up to ``seconds`` for their end.

    Returns:
        why they have not ended; nothing if they have.

    Raises:
        MMABenchError: Slurm is not on this machine.
    """
    begun = time.monotonic()
    for name in _noted(folder):
        told, cancelled = False, float("-inf")
        while True:
            if time.monotonic() - cancelled > _REPEAT_SECONDS:
                refused, cancelled = slurm_queue.cancel(name), time.monotonic()
            active = slurm_queue.is_active(name)
            if active is False:
                break
            if time.monotonic() - begun >= seconds:
                said = "squeue does not answer" if active is None else "it is still in the queue"
                return f"the Slurm job {name} has not ended: {said}{f' (scancel: {refused})' if refused else ''}"
            if not told and time.monotonic() - begun > _LOOK_SECONDS:
                say(f"\nwaiting for the Slurm job {name} to end, which was cancelled")
                told = True
            time.sleep(_LOOK_SECONDS)
    _file(folder).unlink(missing_ok=True)
    return ""


def end_earlier_job(folder: Path) -> None:
    """Cancel the Slurm jobs that a killed build left in the stage's ``folder`` or below, and wait for their end.

    Raises:
        MMABenchError: they do not end, or Slurm is not on this machine.
    """
    for below in ("slurm_job", "*/slurm_job", "*/*/slurm_job"):  # next to the logs, also of a part of the stage
        for path in folder.glob(below):
            _end_earlier_job(path.parent)


def _end_earlier_job(folder: Path) -> None:
    names = _noted(folder)
    if not names:
        return
    path = _file(folder)
    by_hand = f"make sure that it has ended (`scancel --name={names[-1]}` where it was submitted), then delete {path}"
    try:
        refused = end_jobs(folder, _PATIENCE_SECONDS)
    except MMABenchError as error:
        raise MMABenchError(
            f"the Slurm job {names[-1]} of an earlier run may still write to {folder}, and Slurm is not on this "
            f"machine; {by_hand}"
        ) from error
    if refused:
        raise MMABenchError(
            f"{refused}, {_PATIENCE_SECONDS / 60:.0f} minutes after it was cancelled; an earlier run submitted it, and "
            f"it may still write to {folder}; run the same command again later, or {by_hand}"
        )


def _noted(folder: Path) -> list[str]:
    try:
        return _file(folder).read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return []


def _file(folder: Path) -> Path:
    return folder / "slurm_job"
