"""The tasks of a stage in processes of this machine."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger, setup_default_logger
from datatrove.utils.stats import PipelineStats
from multiprocess import TimeoutError as NoResultYet
from multiprocess import forkserver, get_context

from builder.executors.settings import ExecutorSettings
from builder.executors.task import Task, one_thread_each
from builder.pipeline import stage_modules
from builder.processes import show_at_work
from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError

_NOWHERE = open(os.devnull, "w")  # noqa: SIM115  (datatrove's log keeps it until the process ends)
_LOOK_SECONDS = 2.0
_PRELOADED = ["builder.dies_with_parent", "builder.run", *stage_modules(), "cv2", "librosa.core.spectrum"]


class LocalExecutor(Task, LocalPipelineExecutor):
    """datatrove's local executor with its log only in files, so that the terminal shows our progress.

    datatrove also writes every task's log to standard error and has no option to change that. Its `run` would also wait
    forever if a process of its pool is killed, for example because the machine is out of memory; here the incomplete
    tasks are run again.
    """

    def __init__(
        self, settings: ExecutorSettings, pipeline: Sequence[PipelineStep], logs: Path, *, tasks: int, name: str
    ) -> None:
        workers = min(settings.worker_count, tasks)
        super().__init__(pipeline=list(pipeline), tasks=tasks, workers=workers, logging_dir=str(logs))
        self.settings, self.logs, self.name = settings, logs, name

    def run(self) -> None:
        """Run all tasks that are not completed yet.

        Raises:
            MMABenchError: a process was killed more often than `executor.retries` allows.
        """
        for lost in range(self.settings.retries + 1):
            try:
                self._run_once(self.begin())
                return
            except _ProcessLost as error:
                said = f"{self.name}: {error}"
                if lost < self.settings.retries:
                    say(f"\n{said}; its tasks are run again")
        raise MMABenchError(
            f"{said}, {self.settings.retries + 1} times; the machine may be out of memory: set fewer executor.workers, "
            f"then run the same command again to resume (logs: {self.logs / 'logs'})"
        )

    def _run_once(self, ranks: Sequence[int]) -> None:
        try:
            with _stderr_discarded(), _environment(one_thread_each(self.settings.cores)):
                if self.workers == 1:
                    self._run_here(ranks)
                else:
                    self._run_in_pool(ranks)
        finally:
            setup_default_logger()

    def _run_here(self, ranks: Sequence[int]) -> None:
        pipeline = self.pipeline
        for rank in ranks:
            self.pipeline = deepcopy(pipeline)
            self._run_for_rank(rank)

    def _run_in_pool(self, ranks: Sequence[int]) -> None:
        # The processes of all stages are forked from one that has imported what they need: importing librosa takes
        # 2 s of CPU time, which every process of every stage would spend again.
        forkserver.set_forkserver_preload(_PRELOADED)
        with _interrupts_ignored():
            forkserver.ensure_running()
        count = min(self.workers, max(1, len(ranks)))
        with get_context("forkserver").Pool(count, show_at_work, [self.logs.parent]) as pool:
            processes = list(pool._pool)
            results = pool.imap_unordered(self._run_quietly, ranks)
            left = len(ranks)
            while left:
                try:
                    results.next(timeout=_LOOK_SECONDS)
                    left -= 1
                except NoResultYet:
                    if ended := [process.exitcode for process in processes if process.exitcode is not None]:
                        _abandon(pool)
                        raise _ProcessLost(_in_words(ended[0])) from None

    def _run_quietly(self, rank: int) -> PipelineStats:
        with _stderr_discarded():
            return self._run_for_rank(rank)


class _ProcessLost(Exception):  # noqa: N818  (an event that is dealt with here)
    """A process of the pool ended before its task."""


def _abandon(pool: Any) -> None:
    """End a pool that lost a process; if that process held a lock, the pool's own end would wait for it forever."""
    for process in pool._pool:
        process.kill()
        process.join()
    lock = pool._inqueue._rlock
    lock.acquire(block=False)
    lock.release()
    ending = threading.Thread(target=pool.terminate, daemon=True)
    ending.start()
    ending.join(_LOOK_SECONDS)
    pool._terminate.cancel()  # otherwise the end of the `with` block and of the program do the same once more


def _in_words(code: int) -> str:
    if code < 0:
        return f"a process was killed by {signal.Signals(-code).name}"
    return f"a process ended with exit code {code}"


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Set variables of the environment for the processes started in this context."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
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
def _stderr_discarded() -> Iterator[None]:
    with contextlib.redirect_stderr(_NOWHERE):
        logger.remove()
        yield
