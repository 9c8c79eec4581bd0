"""The command that a job of Slurm runs: `python -m builder.executors.slurm_task EXECUTOR.pik`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import dill  # type: ignore[import-untyped]  # datatrove brings it

from mma_bench.files.atomic import write_bytes

if TYPE_CHECKING:
    from builder.executors.slurm import SlurmExecutor


def save_executor(executor: "SlurmExecutor", path: Path) -> None:
    """Write ``executor`` and its pipeline to ``path`` for the jobs."""
    write_bytes(path, dill.dumps(executor, fmode=dill.CONTENTS_FMODE))


def main() -> None:
    """Run the task that this job is."""
    executor: SlurmExecutor = dill.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301  (written by `save_executor`)
    executor.run_task()


if __name__ == "__main__":
    main()
