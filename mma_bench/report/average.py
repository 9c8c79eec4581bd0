"""The one average that a report shows for a condition and modality: the one that the protocol names."""

from typing import Literal

from mma_bench.evaluation.analysis import Estimate
from mma_bench.evaluation.scores import Cell
from mma_bench.report.runs import ScoredRun

Average = Literal["micro", "macro"]

AVERAGE_WORDS: dict[Average, str] = {"micro": "mean over questions", "macro": "mean over classes"}
"""How a report names each average."""


def average_of(run: ScoredRun) -> Average:
    """Return the average that the protocol of ``run`` names."""
    return run.run.asked.average


def headline_of(cell: Cell, average: Average) -> Estimate:
    """Return the accuracy of one condition and modality with its 95% interval.

    Args:
        cell: its scores, over the headline wordings.
        average: over questions (micro) or over classes (macro).
    """
    if average == "micro":
        return Estimate(cell.accuracy, cell.accuracy_low, cell.accuracy_high, cell.clips)
    return Estimate(cell.macro_accuracy, cell.macro_low, cell.macro_high, cell.clips)
