"""The tiles of a report's first screen: four numbers of each model."""

from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.evaluation.analyses.table import CONFLICT
from mma_bench.evaluation.scores import Cell
from mma_bench.evaluation.statistics import AVERAGE_WORDS
from mma_bench.report.answer import percent
from mma_bench.report.average import average_of, headline_of
from mma_bench.report.runs import ScoredRun
from mma_bench.schema import Modality

_CAPTION = "misleading_caption"


@dataclass(frozen=True)
class Value:
    """One number of a tile: the modality that was asked about, the number, and how many answers it is of."""

    modality: Modality
    text: str
    interval: str
    answers: int


@dataclass(frozen=True)
class Tile:
    """One tile.

    Attributes:
        title: what is counted.
        note: which average, and whether high is good.
        values: one for each modality; empty where the condition was not asked.
    """

    title: str
    note: str
    values: Sequence[Value]


def tiles_of(run: ScoredRun) -> list[Tile]:
    """Return the tiles of one run; a condition that was not asked has no values."""
    words = AVERAGE_WORDS[average_of(run)]
    removed = [cell for cell in run.scores.cells if not cell.answerable]
    captions = [cell for cell in run.scores.cells if cell.condition == _CAPTION]
    return [
        Tile("Correct, streams agree", f"accuracy, aligned, {words}", _accuracies(run, "aligned")),
        Tile("Correct under conflict", f"accuracy, {CONFLICT}, {words}", _accuracies(run, CONFLICT)),
        Tile(
            "Abstained when removed",
            "share of the questions about a removed modality; higher is better",
            [_rate(cell, cell.abstention_rate) for cell in sorted(removed, key=lambda cell: cell.modality != "visual")],
        ),
        Tile(
            "Followed the wrong caption",
            "share of the questions; lower is better",
            [_rate(cell, cell.distraction_rate) for cell in captions],
        ),
    ]


def _accuracies(run: ScoredRun, condition: str) -> list[Value]:
    found = []
    for cell in run.scores.cells:
        if cell.condition == condition and cell.answerable:
            value, _, interval = percent(headline_of(cell, average_of(run))).partition(" ")
            found.append(Value(cell.modality, value, interval, cell.questions))
    return found


def _rate(cell: Cell, rate: float) -> Value:
    return Value(cell.modality, f"{100 * rate:.1f}%", "", cell.questions)
