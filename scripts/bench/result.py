"""What a bench found: the rows of the table that `scripts/bench/run.sh` prints."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from scripts.bench.turns import Times, middle_half, ratio


@dataclass(frozen=True)
class Result:
    """One row.

    Attributes:
        bench: name of the script.
        compared: what is divided by what.
        middle: the median of the ratio.
        low: its lower quartile.
        high: its upper quartile.
        by: `processor` time, time by the `clock`, or another quantity.
        limit: what no code can beat, and the share of our time that it takes; or the aim.
        turns: how often each side was timed.
        load: load of the machine at the end.
    """

    bench: str
    compared: str
    middle: float
    low: float
    high: float
    by: str
    limit: str
    turns: int
    load: float

    @classmethod
    def of(
        cls,
        bench: str,
        ways: Mapping[str, Times],
        *,
        ours: str,
        peer: str,
        limit: str | None = None,
        aim: str = "",
        by_clock: bool = False,
    ) -> Self:
        """Compare two ways: how many times as fast as ``peer`` is ``ours``?

        Args:
            bench: name of the script.
            ways: what `alternate` returned.
            ours: a key of it.
            peer: another one.
            limit: the way that does only what cannot be avoided, if there is one.
            aim: what the ratio should be.
            by_clock: compare by the clock, not by the processor's time.
        """
        said = [f"aim {aim}"] if aim else []
        if limit is not None:
            share, _, _ = ratio(ways, limit, ours, by_clock=by_clock)
            said.insert(0, f"{limit}: {share:.0%} of ours")
        found = ratio(ways, peer, ours, by_clock=by_clock)
        by = "clock" if by_clock else "processor"
        return cls(bench, f"{peer} / {ours}", *found, by, "; ".join(said), len(ways[ours].wall), _load())

    @classmethod
    def value(cls, bench: str, compared: str, values: Sequence[float], by: str, limit: str = "") -> Self:
        """Return the row of a quantity that was measured several times."""
        return cls(bench, compared, *middle_half(values), by, limit, len(values), _load())

    def __str__(self) -> str:
        """Return it as a line of text."""
        end = f"; {self.limit}" if self.limit else ""
        return (
            f"{self.bench}: {self.compared} = {self.middle:.3g} [{self.low:.3g}, {self.high:.3g}] by {self.by}, "
            f"{self.turns} turns, load {self.load:.1f}{end}"
        )


def add_arguments(parser: argparse.ArgumentParser, *, turns: int) -> None:
    """Add the options that all benches have."""
    parser.add_argument("--turns", type=int, default=turns, help="turns of each side")
    parser.add_argument("--budget", type=float, help="seconds after which no further turn begins; at least 3 turns")
    parser.add_argument("--json", type=Path, help="file for the rows of the table")


def save(path: Path | None, results: Sequence[Result]) -> None:
    """Print ``results``, and write them to ``path`` if there is one."""
    for result in results:
        print(result)
    if path:
        path.write_text(json.dumps([asdict(result) for result in results], indent=1), encoding="utf-8")


def _load() -> float:
    return round(os.getloadavg()[0], 1)
