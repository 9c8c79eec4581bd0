"""datatrove's executors, set up for this project."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from datatrove.executor import LocalPipelineExecutor
from datatrove.executor.base import PipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger, setup_default_logger
from multiprocess import forkserver
from pydantic import ConfigDict, Field

from builder.pipeline import stage_modules
from builder.processes import die_with_parent
from mma_bench.extras import needs
from mma_bench.schema import Checked

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_NOWHERE = open(os.devnull, "w")  # noqa: SIM115  (datatrove's log keeps it until the process ends)
_PRELOADED = ["builder.dies_with_parent", "builder.run", *stage_modules(), "cv2", "librosa.core.spectrum"]


class ExecutorSettings(Checked):
    """How the tasks of a stage run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["local", "ray"] = "local"
    workers: int = Field(default=0, ge=0, description="tasks at a time; 0: one per CPU core")
    tasks_per_worker: int = Field(default=4, ge=1, description="smaller tasks lose less when one is killed")

    @property
    def worker_count(self) -> int:
        """Tasks at a time."""
        return self.workers or len(os.sched_getaffinity(0))


class QuietLocalExecutor(LocalPipelineExecutor):
    """datatrove's local executor with its log only in files, so that the terminal shows our progress.

    datatrove also writes every task's log to standard error and has no option to change that.
    """

    def run(self) -> Any:
        """Run all tasks that are not completed yet."""
        # The processes of all stages are forked from one that has imported what they need: importing librosa takes
        # 2 s of CPU time, which every process of every stage would spend again.
        forkserver.set_forkserver_preload(_PRELOADED)
        try:
            with _stderr_discarded(), _one_thread_a_process():
                with _interrupts_ignored():
                    forkserver.ensure_running()
                return super().run()
        finally:
            setup_default_logger()

    def _launch_run_for_rank(self, *args: Any, **kwargs: Any) -> Any:
        with _stderr_discarded():
            return super()._launch_run_for_rank(*args, **kwargs)


def make_executor(
    settings: ExecutorSettings, pipeline: Sequence[PipelineStep], logs: Path, *, tasks: int
) -> PipelineExecutor:
    """Return the executor that runs ``pipeline`` as ``tasks`` tasks and marks completed ones in ``logs``."""
    if settings.kind == "ray":
        with needs("executor.kind: ray", "ray"):
            import ray  # noqa: F401
            from datatrove.executor.ray import RayPipelineExecutor
        return RayPipelineExecutor(
            pipeline=list(pipeline), tasks=tasks, workers=settings.worker_count, logging_dir=str(logs)
        )
    workers = min(settings.worker_count, tasks)
    return QuietLocalExecutor(pipeline=list(pipeline), tasks=tasks, workers=workers, logging_dir=str(logs))


@contextlib.contextmanager
def _one_thread_a_process() -> Any:
    """Limit the thread pools of numerical libraries to one thread in the processes started in this context."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _interrupts_ignored() -> Any:
    """Make processes started in this context ignore Ctrl-C, which a terminal sends to all; the build ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _stderr_discarded() -> Any:
    with contextlib.redirect_stderr(_NOWHERE):
        logger.remove()
        yield


if sys.platform == "linux":
    # datatrove forks a manager process, which would stay forever if the build is killed with SIGKILL.
    os.register_at_fork(after_in_child=die_with_parent)
