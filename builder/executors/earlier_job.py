"""The job that a killed build left in the queue: it must end before another run works in the same folder."""

import time
from pathlib import Path

from builder.executors import slurm_queue
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_text

_LOOK_SECONDS = 1.0


def note_job(folder: Path, job: str | None) -> None:
    """Keep the id of the Slurm job that works in the stage's ``folder``; None if there is no longer one."""
    if job is None:
        _file(folder).unlink(missing_ok=True)
    else:
        write_text(_file(folder), job)


def end_earlier_job(folder: Path) -> None:
    """Cancel the Slurm job that a killed build left in the stage's ``folder``, and wait for its end.

    Raises:
        MMABenchError: Slurm is not on this machine.
    """
    path = _file(folder)
    if not path.is_file():
        return
    job = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        slurm_queue.cancel(job)
        while (tasks := slurm_queue.tasks_of(job)) is None or any(task.is_active for task in tasks):
            time.sleep(_LOOK_SECONDS)
    except MMABenchError as error:
        raise MMABenchError(
            f"the Slurm job {job} of an earlier run may still write to {folder}, and Slurm is not on this machine; "
            f"cancel the job with `scancel {job}` where it was submitted, then delete {path}"
        ) from error
    path.unlink(missing_ok=True)


def _file(folder: Path) -> Path:
    return folder / "slurm_job"
