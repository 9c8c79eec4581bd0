"""The tasks of a stage on a Ray cluster."""

import contextlib
import os
import re
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datatrove.executor.ray import RayPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger, setup_default_logger

from builder.executors.rerun import Reruns
from builder.executors.settings import ExecutorSettings, RaySettings
from builder.executors.task import Task, comes_again, one_thread_each
from mma_bench.errors import MMABenchError
from mma_bench.extras import needs

_GB = 1 << 30
_REACH_SECONDS = 20.0
_END_SECONDS = 10.0
"""How long the end of an interrupted build waits for its tasks to end."""


@dataclass
class _Running:
    """A task that Ray has, and since when its attempt runs: it may have to wait for room first."""

    rank: int
    attempt: int | None
    since: float | None = None
    is_overdue: bool = False

    def seconds(self, attempt: int | None) -> float:
        """Return how long the attempt has been running."""
        if attempt != self.attempt:
            self.attempt, self.since = attempt, time.monotonic()
        return time.monotonic() - self.since if self.since else 0.0


class RayExecutor(Task, RayPipelineExecutor):
    """datatrove's Ray executor with another loop: one Ray task per task.

    The loop of datatrove 0.10.1 reports the error of a task only in its debug log and returns as if all were done,
    fails itself when a task exceeds its time limit, and waits forever if a task's process is killed.
    """

    def __init__(
        self, settings: ExecutorSettings, pipeline: Sequence[PipelineStep], logs: Path, *, tasks: int, name: str
    ) -> None:
        connect(settings.ray)
        logger.remove()  # a warning that the folder must be shared, at each stage
        super().__init__(
            pipeline=list(pipeline),
            tasks=tasks,
            workers=min(settings.worker_count, tasks),
            logging_dir=str(logs),
            cpus_per_task=settings.cores,
            mem_per_cpu_gb=settings.memory_gb / settings.cores,
            gpus_per_task=settings.gpus or 0,
            time=int(settings.hours * 3600) if settings.hours else None,
        )
        setup_default_logger()
        self.settings, self.logs, self.name = settings, logs, name

    def run(self) -> None:
        """Run all tasks that are not completed yet.

        Raises:
            MMABenchError: the cluster has no room for a task, or a task failed more often than `executor.retries`.
        """
        import ray

        # Ray prints what happens to nodes and tasks on standard output, where the build's result belongs.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                self._run_all(self.begin())
            finally:
                ray.shutdown()

    def _run_all(self, ranks: Sequence[int]) -> None:
        import ray

        if not ranks:
            return
        _check_room(self.settings)
        waiting, reruns = deque(ranks), Reruns(self)
        shared = ray.put(self)
        running: dict[Any, _Running] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    rank = waiting.popleft()
                    reference = _remote_task(self).remote(shared, rank)
                    running[reference] = _Running(rank, self.attempt(rank))
                finished, _ = ray.wait(list(running), timeout=1.0)
                for reference in finished:
                    one = running.pop(reference)
                    if failed := _failed(reference):
                        late = f"it took longer than executor.hours, {self.settings.hours or 0:g} h"
                        what = late if one.is_overdue and not failed.is_final else failed.message
                        reruns.note(one.rank, "", what, is_final=failed.is_final)
                        waiting.append(one.rank)
                for reference, one in running.items():
                    # It is run again only when Ray says that it has ended: two attempts would take twice the room.
                    if self.time and not one.is_overdue and one.seconds(self.attempt(one.rank)) > self.time:
                        one.is_overdue = True
                        ray.cancel(reference, force=True)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)
            if running:
                ray.wait(list(running), num_returns=len(running), timeout=_END_SECONDS)


def connect(settings: RaySettings) -> None:
    """Connect this process to the cluster, once.

    Raises:
        MMABenchError: Ray is not installed, or there is no cluster at the address.
    """
    with needs("executor.kind: ray", "ray"):
        import ray
    if ray.is_initialized():
        return
    variables = one_thread_each(1)
    if path := os.environ.get("PYTHONPATH"):
        variables["PYTHONPATH"] = path
    try:
        _check_reachable(settings.address)
        ray.init(
            address=settings.address, log_to_driver=False, logging_level="ERROR", runtime_env={"env_vars": variables}
        )
    except (OSError, ValueError, RuntimeError) as error:  # a ConnectionError is an OSError
        said = " ".join(str(error).split())[:200]
        raise MMABenchError(
            f"cannot connect to the Ray cluster {settings.address}: {said}; start one with `ray start --head`, and set "
            "executor.ray.address or RAY_ADDRESS if it is not on this machine"
        ) from error


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing listens at ``address``: Ray itself would try for minutes."""
    place = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    if found := re.fullmatch(r"(?:ray://)?(.+):(\d+)", place):
        socket.create_connection((found[1], int(found[2])), timeout=_REACH_SECONDS).close()


def room_for(settings: ExecutorSettings) -> int:
    """Return how many tasks the cluster has room for at a time."""
    import ray

    connect(settings.ray)
    found = ray.cluster_resources()
    rooms = [found.get("CPU", 0) // settings.cores, found.get("memory", 0) // (settings.memory_gb * _GB)]
    if settings.gpus:
        rooms.append(found.get("GPU", 0) // settings.gpus)
    return max(1, int(min(rooms)))


def _check_room(settings: ExecutorSettings) -> None:
    """Raise MMABenchError if no node can ever take a task, which would otherwise wait forever."""
    import ray

    asked = {"CPU": settings.cores, "GPU": settings.gpus or 0, "memory": settings.memory_gb * _GB}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(name, 0) >= amount for name, amount in asked.items()) for node in nodes):
        raise MMABenchError(
            f"no node of the Ray cluster has room for a task of {settings.in_words()}; change executor.cores, "
            "memory_gb or gpus, for all stages or below executor.stages"
        )


def _remote_task(executor: RayExecutor) -> Any:
    import ray

    return ray.remote(_run_rank).options(
        name=executor.name,
        num_cpus=executor.cpus_per_task,
        num_gpus=executor.gpus_per_task,
        memory=int(executor.settings.memory_gb * _GB),
        max_retries=0,  # the build counts all failures of a task, whatever their cause
        retry_exceptions=False,
        scheduling_strategy="SPREAD",
    )


def _run_rank(executor: RayExecutor, rank: int) -> None:
    executor._run_for_rank(rank)


@dataclass(frozen=True)
class _Failed:
    """What a task failed with, and whether it would do so again."""

    message: str
    is_final: bool = False


def _failed(reference: Any) -> _Failed | None:
    """Return what a finished task failed with, if it did."""
    import ray

    try:
        ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        if cause is None:
            return _Failed(str(error).splitlines()[-1])
        said = str(cause) if isinstance(cause, MMABenchError) else f"{type(cause).__name__}: {cause}"
        return _Failed(said, comes_again(cause))
    except ray.exceptions.RayError as error:  # its node or its process is lost
        return _Failed(" ".join(str(error).split())[:300])
    return None
