"""Turns: several ways of doing the same work, timed alternately, so that a machine that slows down slows all of them.

Timing one way after the other gave ratios from 0.16 to 2.4 for the same code on a shared machine.
"""

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FEWEST_TURNS = 3
"""What a budget leaves."""


@dataclass
class Times:
    """What the turns of one way took, in seconds: by the clock, and of the processor."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: int = 0

    @property
    def seconds(self) -> float:
        """Median by the clock."""
        return statistics.median(self.wall)

    @property
    def processor_seconds(self) -> float:
        """Median of the processor's time, which compares better on a busy machine."""
        return statistics.median(self.processor)

    @property
    def spread(self) -> str:
        """Median and the middle half of the turns, by the clock."""
        low, high = (statistics.quantiles(self.wall, n=4)[i] for i in (0, 2)) if len(self.wall) > 1 else self.wall * 2
        return f"{self.seconds:.3f} [{low:.3f}, {high:.3f}]"


@dataclass(frozen=True)
class Side:
    """One way of doing the work.

    Attributes:
        name: what it is called.
        work: does it once.
        before: what comes before each turn and is not timed.
    """

    name: str
    work: Callable[[], object]
    before: Callable[[], object] | None = None


def alternate(
    sides: Sequence[Side], turns: int, *, warm_up: int = 1, budget: float | None = None, device: str = "cpu"
) -> dict[str, Times]:
    """Time all sides in turns, in the opposite order every other turn.

    Args:
        sides: the ways.
        turns: turns of each.
        warm_up: turns before them that do not count.
        budget: seconds after which no further turn begins, once there are `FEWEST_TURNS`.
        device: of the work.

    Returns:
        times by the name of the side.
    """
    found = {side.name: Times() for side in sides}
    begin = time.monotonic()
    for turn in range(-warm_up, turns):
        if turn >= FEWEST_TURNS and budget is not None and time.monotonic() - begin > budget:
            break
        for side in sides if turn % 2 == 0 else reversed(sides):
            if side.before:
                side.before()
            timed(side.work, found[side.name] if turn >= 0 else Times(), device)
    return found


def synchronize(device: str) -> None:
    """Wait for a GPU, if ``device`` is one."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()


def timed(work: Callable[[], object], times: Times, device: str = "cpu") -> object:
    """Do ``work`` once, add what it took to ``times`` and return its result."""
    on_gpu = device.startswith("cuda")
    synchronize(device)
    if on_gpu:
        import torch

        torch.cuda.reset_peak_memory_stats()
    start, start_processor = time.perf_counter(), processor_seconds()
    result = work()
    synchronize(device)
    times.wall.append(time.perf_counter() - start)
    times.processor.append(processor_seconds() - start_processor)
    if on_gpu:
        times.memory = max(times.memory, torch.cuda.max_memory_allocated())
    return result


def processor_seconds() -> float:
    """Return the processor time of this process, of its children that ended, and of the tasks of the builder."""
    return time.process_time() + child_seconds() + task_seconds()


def child_seconds() -> float:
    """Return the processor time of the child processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def task_seconds() -> float:
    """Return the processor time of the server that forks the builder's tasks, and of the tasks that have ended."""
    server = sys.modules.get("multiprocess.forkserver")
    pid = server._forkserver._forkserver_pid if server else None
    if not pid or not (status := Path(f"/proc/{pid}/stat")).exists():
        return 0.0
    fields = status.read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def ratio(ways: Mapping[str, Times], name: str, base: str, *, by_clock: bool) -> tuple[float, float, float]:
    """Return the median ratio of two ways, turn by turn, and its middle half.

    Args:
        ways: all ways.
        name: the way above the line.
        base: the way below it.
        by_clock: by the clock, not by the processor's time.
    """
    one, other = ways[name], ways[base]
    pairs = zip(one.wall, other.wall, strict=False) if by_clock else zip(one.processor, other.processor, strict=False)
    return middle_half([above / below for above, below in pairs])


def middle_half(found: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, and the quartiles around it."""
    if len(found) < 2:
        return found[0], found[0], found[0]
    low, middle, high = statistics.quantiles(found, n=4, method="inclusive")
    return middle, low, high
