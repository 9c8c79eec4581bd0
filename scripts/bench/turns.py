"""Turns: several ways of doing the same work, timed alternately, so that a machine that slows down slows all of them.

Timing one way after the other gave ratios from 0.16 to 2.4 for the same code on a shared machine.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


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
    start, start_processor = time.perf_counter(), time.process_time()
    result = work()
    synchronize(device)
    times.wall.append(time.perf_counter() - start)
    times.processor.append(time.process_time() - start_processor)
    if on_gpu:
        times.memory = max(times.memory, torch.cuda.max_memory_allocated())
    return result


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
    found = [above / below for above, below in pairs]
    if len(found) < 2:
        return found[0], found[0], found[0]
    low, middle, high = statistics.quantiles(found, n=4)
    return middle, low, high
