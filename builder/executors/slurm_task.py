"""The command that a job of Slurm runs: `python -m builder.executors.slurm_task EXECUTOR.pik`."""

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import dill  # datatrove brings it

from builder.executors.task import NotShared
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_bytes

if TYPE_CHECKING:
    from builder.executors.slurm import SlurmExecutor

NOT_SHARED = 44
"""Exit code of a job that does not see the work folder."""
FINAL = 45
"""Exit code of a job that would fail again in the same way; Slurm knows it before a network file system shows why."""


def save_executor(executor: "SlurmExecutor", path: Path) -> None:
    """Write ``executor`` and its pipeline to ``path`` for the jobs."""
    write_bytes(path, dill.dumps(executor, fmode=dill.CONTENTS_FMODE))


def main() -> None:
    """Run the task that this job is."""
    executor: SlurmExecutor = dill.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301  (written by `save_executor`)
    try:
        executor.run_task()
    except MMABenchError as error:
        traceback.print_exc()
        sys.exit(NOT_SHARED if isinstance(error, NotShared) else FINAL)


if __name__ == "__main__":
    main()
