"""A stage of six tasks that go wrong on request: `python -m tests.cluster.steps FOLDER MODE SETTINGS`.

Each attempt of a task leaves a file `RANK.ATTEMPT` in FOLDER/attempts with what it saw of its surroundings.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.executors import ExecutorSettings, local, make_executor
from builder.executors.earlier_job import end_earlier_job
from mma_bench.console.interruption import exit_code
from mma_bench.errors import MMABenchError

TASKS = 6
BAD = 2


class Step(PipelineStep):
    """Does nothing, but may do so slowly or fail."""

    name = "step"
    type = "test"

    def __init__(self, folder: Path, mode: str) -> None:
        super().__init__()
        self.attempts, self.mode = str(folder / "attempts"), mode

    def run(self, data: Iterable[Document] | None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Fail in the task `BAD`, as the mode says."""
        attempts = Path(self.attempts)
        attempt = len(list(attempts.glob(f"{rank}.*")))
        gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
        (attempts / f"{rank}.{attempt}").write_text(json.dumps({"gpus": gpus, "folder": str(Path.cwd())}))
        if self.mode == "slow":
            time.sleep(600)
        if rank == BAD:
            if self.mode == "killed" or (self.mode == "killed once" and attempt == 0):
                os.kill(os.getpid(), signal.SIGKILL)
            if self.mode == "overdue" and attempt == 0:
                time.sleep(600)
            if self.mode == "error":
                raise ValueError("something unexpected")
            if self.mode == "refusal":
                raise MMABenchError("the disk is full; free some space")
        yield from ()


def main() -> None:
    """Run the stage; print its error as the command line does."""
    folder, mode, settings = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    (folder / "attempts").mkdir(parents=True, exist_ok=True)
    try:
        from tests.cluster.steps import Step as Importable  # tasks import it by this name

        step = Importable(folder, mode)
        local._PRELOADED[1:] = []  # nothing of it is used here, and importing it takes seconds
        end_earlier_job(folder)
        executor = make_executor(ExecutorSettings(**settings), [step], folder / "log", tasks=TASKS, name="try")
        executor.run()
    except MMABenchError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt as interrupt:
        sys.exit(exit_code(interrupt))


if __name__ == "__main__":
    main()
