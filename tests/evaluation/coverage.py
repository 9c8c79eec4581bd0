"""Measure how often every interval of a run's scores holds the truth, over planted models.

    python -m tests.evaluation.coverage --draws 200 --out coverage.md

The truth of each number is its value on one run of 20,000 clips of the same model.
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mma_bench.evaluation.analyses import VerdictTable, analyse
from mma_bench.evaluation.statistics import Average, average_share
from mma_bench.schema import Modality
from tests.evaluation.simulated import WORDINGS, planted

CLIPS = (12, 37, 150, 658)
CHANCES = (0.03, 0.1, 0.3, 0.5, 0.8, 0.97)
LOWEST = 0.9
"""No field may hold the truth less often at any number of clips and any chance, within chance of the draws."""

LOWEST_MEAN = 0.945
"""Nor may it on average over the chances, at any number of clips."""

_LARGE = 20_000


@dataclass
class Tally:
    """Of the intervals of one field: how many there were, how many held the truth, and in how many draws."""

    given: int = 0
    held: int = 0
    draws: set[int] = field(default_factory=set)

    @property
    def share(self) -> float:
        return self.held / self.given


Tallies = dict[tuple[str, int, float], Tally]
"""By field, number of clips and chance."""


def estimates(table: VerdictTable) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Return value, low and high of every interval in the scores of ``table``, by field and place."""
    found = dict(_walk(asdict(analyse(table, WORDINGS, "macro"))["results"]))
    for condition in table.conditions:
        for modality in Modality:
            rows = table.select(condition=condition, modality=modality, variants=WORDINGS)
            if len(rows):
                averages: tuple[Average, ...] = ("micro", "macro")
                for average in averages:
                    whole = average_share(rows.correct, average, rows.answer, rows.clip)
                    found[f"cells.{average}", f"{condition} {modality}"] = (whole.value, whole.low, whole.high)
    return found


def _walk(value: Any, name: str = "", place: str = "") -> Iterator[tuple[tuple[str, str], tuple[float, float, float]]]:
    if isinstance(value, dict):
        if {"value", "low", "high"} <= value.keys():
            yield (name, place), (value["value"], value["low"], value["high"])
            return
        keys = ("condition", "modality", "variants", "variant", "level", "kind")
        place += "".join(f" {value[key]}" for key in keys if key in value)
        for key, part in value.items():
            yield from _walk(part, f"{name}.{key}".lstrip("."), place)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _walk(part, name, place)


def measure(clips: Sequence[int], chances: Sequence[float], draws: int, large: int = _LARGE) -> Tallies:
    """Return how often each field's interval holds the truth."""
    tallies: Tallies = defaultdict(Tally)
    for chance in chances:
        truth = {
            key: value for key, (value, _, _) in estimates(planted(np.random.default_rng(0), large, chance)).items()
        }
        for number in clips:
            for draw in range(draws):
                generator = np.random.default_rng([number, round(100 * chance), draw])
                for key, (_, low, high) in estimates(planted(generator, number, chance)).items():
                    if key not in truth or math.isnan(truth[key]) or math.isnan(low):
                        continue
                    true = truth[key]
                    tally = tallies[key[0], number, chance]
                    tally.given += 1
                    tally.held += low - 1e-9 <= true <= high + 1e-9
                    tally.draws.add(draw)
    return tallies


def table(tallies: Tallies) -> str:
    """Return, for each field and number of clips, the mean over the chances and the lowest of them."""
    fields = list(dict.fromkeys(name for name, _, _ in tallies))
    clips = sorted({number for _, number, _ in tallies})
    lines = ["| interval | " + " | ".join(f"{n} clips" for n in clips) + " |", "|---|" + "---:|" * len(clips)]
    for name in fields:
        entries = []
        for number in clips:
            found = [tally.share for (field_, n, _), tally in tallies.items() if (field_, n) == (name, number)]
            entries.append(f"{100 * np.mean(found):.1f} ({100 * min(found):.0f})" if found else "withheld")
        lines.append(f"| `{name}` | " + " | ".join(entries) + " |")
    return "\n".join(lines) + "\n"


def misses(tallies: Tallies) -> list[str]:
    """Return what breaks the rule of acceptance by more than three standard errors of the draws."""
    found = []
    means = defaultdict(list)
    for (name, number, chance), tally in tallies.items():
        draws = len(tally.draws)
        if tally.share < LOWEST - 3 * math.sqrt(LOWEST * (1 - LOWEST) / draws):
            found.append(f"{name} at {number} clips, chance {chance}: {tally.share:.3f}")
        means[name, number].append((tally.share, draws))
    for (name, number), parts in means.items():
        error = math.sqrt(0.05 * 0.95 / sum(draws for _, draws in parts))
        if (mean := float(np.mean([part for part, _ in parts]))) < LOWEST_MEAN - 3 * error:
            found.append(f"{name} at {number} clips: {mean:.3f} on average")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--clips", type=int, nargs="+", default=CLIPS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    measured = measure(arguments.clips, CHANCES, arguments.draws)
    print(table(measured), *misses(measured), sep="\n")
    if arguments.out:
        arguments.out.write_text(table(measured))
