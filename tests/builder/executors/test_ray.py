"""The build's loop over Ray's tasks, with a small Ray: how often a task starts, and never twice at a time."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from builder.executors import ExecutorSettings
from builder.executors.ray import RayExecutor
from builder.executors.task import NotShared
from mma_bench.errors import MMABenchError

_LOOKS_UNTIL_GONE = 3
"""How often the build looks before a cancelled process has ended."""


class RayError(Exception):
    """What Ray raises for a lost process."""


class RayTaskError(RayError):
    """What Ray raises for an exception in a task."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class SmallRay(ModuleType):
    """Runs tasks when they are waited for. A task that is killed is run again as often as `max_retries` says."""

    def __init__(self, task: Callable[[int], None]) -> None:
        super().__init__("ray")
        self.task = task
        self.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)
        self.starts = self.alive = self.most_alive = 0

    def is_initialized(self) -> bool:
        return True

    def shutdown(self) -> None:
        pass

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 8, "memory": 1 << 40}}]

    def cluster_resources(self) -> dict[str, int]:
        return {"CPU": 1, "memory": 1 << 40}

    def put(self, value: Any) -> Any:
        return value

    def remote(self, function: Any) -> Any:
        def options(**asked: Any) -> Any:
            return SimpleNamespace(remote=lambda executor, rank: self._submit(executor, rank, asked["max_retries"]))

        return SimpleNamespace(options=options)

    def _submit(self, executor: RayExecutor, rank: int, retries: int) -> Any:
        self.alive += 1
        self.most_alive = max(self.most_alive, self.alive)
        return _Reference(executor, rank, retries)

    def wait(self, references: Sequence["_Reference"], **asked: Any) -> tuple[list["_Reference"], list["_Reference"]]:
        done = [reference for reference in references if self._step(reference)]
        return done, [reference for reference in references if reference not in done]

    def _step(self, reference: "_Reference") -> bool:
        if reference.cancelled:
            reference.cancelled -= 1
            reference.error = RayError("cancelled")
            done = reference.cancelled == 0
        elif reference.hangs:
            time.sleep(0.1)
            return False
        else:
            done = self._run(reference)
        self.alive -= done
        return done

    def _run(self, reference: "_Reference") -> bool:
        executor, rank = reference.executor, reference.rank
        started = executor.logs / "started" / f"{rank:05d}"
        for _ in range(reference.retries + 1):
            self.starts += 1
            started.parent.mkdir(exist_ok=True)
            started.write_text("")
            reference.error = None
            try:
                self.task(self.starts)
            except TimeoutError:
                reference.hangs = True
                return False
            except RayError as error:
                reference.error = error
                continue
            except Exception as error:
                reference.error = RayTaskError(error)
            break
        return True

    def get(self, reference: "_Reference") -> None:
        if reference.error:
            raise reference.error

    def cancel(self, reference: "_Reference", force: bool) -> None:
        reference.cancelled = _LOOKS_UNTIL_GONE


class _Reference:
    def __init__(self, executor: RayExecutor, rank: int, retries: int) -> None:
        self.executor, self.rank, self.retries = executor, rank, retries
        self.cancelled = 0
        self.hangs = False
        self.error: BaseException | None = None


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SmallRay]:
    """Run one task with a small Ray; the task is told which start this is."""

    def run(task: Callable[[int], None], **settings: Any) -> SmallRay:
        ray = SmallRay(task)
        monkeypatch.setitem(sys.modules, "ray", ray)
        given = ExecutorSettings.model_validate({"kind": "ray", **settings})
        try:
            RayExecutor(given, [], tmp_path / "log", tasks=1, name="try").run()
        except MMABenchError as error:
            ray.said = str(error)
        return ray

    (tmp_path / "log").mkdir()
    return run


def fail(error: BaseException) -> Callable[[int], None]:
    def task(start: int) -> None:
        raise error

    return task


def test_a_task_that_is_killed_each_time_starts_as_often_as_retries_says(run: Callable[..., SmallRay]) -> None:
    ray = run(fail(RayError("the node died")), retries=3)
    assert ray.starts == 4
    assert ray.said.startswith("task 0 of try failed 4 times, the last time on an unknown node: the node died; log: ")


def test_an_overdue_task_starts_again_only_when_it_has_ended(run: Callable[..., SmallRay]) -> None:
    def slow_once(start: int) -> None:
        if start == 1:
            raise TimeoutError

    ray = run(slow_once, hours=1 / 3600, retries=1)
    assert (ray.starts, ray.most_alive) == (2, 1)


@pytest.mark.parametrize(
    ("error", "starts"),
    [
        (MMABenchError("no such model"), 1),
        (OSError(28, "No space left"), 1),
        (NotShared("not here"), 3),
        (ValueError("strange"), 3),
    ],
)
def test_what_would_come_again_is_not_run_again(error: Exception, starts: int, run: Callable[..., SmallRay]) -> None:
    ray = run(fail(error), retries=2)  # the task could not write down why it failed, or that is not visible yet
    assert ray.starts == starts
    assert str(error) in ray.said
