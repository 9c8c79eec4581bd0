"""How often failed tasks are run again, and what is said when that does not help."""

from collections import Counter
from textwrap import shorten

from builder.executors.task import Failure, Task
from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError


class Reruns:
    """Counts the failures of the tasks of one stage.

    Args:
        task: the executor whose tasks are counted.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._failures: Counter[int] = Counter()

    def note(self, rank: int, node: str, what: str, *, is_final: bool = False) -> None:
        """Count a failure of the task ``rank``; say so and return if it may run again.

        Args:
            rank: number of the task.
            node: where it ran, if that is known.
            what: what the engine says about it. What the task itself wrote down takes precedence.
            is_final: whether the engine knows that the task would fail again in the same way.

        Raises:
            MMABenchError: the task cannot succeed, or has failed too often.
        """
        self._failures[rank] += 1
        task = self._task
        found = task.failure(rank) or Failure(rank, node, what, is_final)
        log = task.task_log(rank)
        log = log if log.is_file() else task.logs
        node = found.node or task.node_of(rank) or "an unknown node"
        if found.is_final or is_final:
            raise MMABenchError(f"{found.message} (task {rank} of {task.name} on {node}; log: {log})")
        if self._failures[rank] > task.settings.retries:
            times = "once" if self._failures[rank] == 1 else f"{self._failures[rank]} times"
            raise MMABenchError(
                f"task {rank} of {task.name} failed {times}, the last time on {node}: "
                f"{found.message}; log: {log}; run the same command again to resume"
            )
        left = f"{self._failures[rank]} of {task.settings.retries}"
        say(f"\n{task.name}: task {rank} failed on {node} and is run again ({left}): {shorten(found.message, 300)}")
