"""The one average that a report shows for a condition and modality: the one that the protocol names."""

from mma_bench.evaluation.scores import Cell
from mma_bench.evaluation.statistics import Average, Estimate
from mma_bench.report.runs import ScoredRun


def average_of(run: ScoredRun) -> Average:
    """Return the average that the protocol of ``run`` names."""
    return run.scores.average


def headline_of(cell: Cell, average: Average) -> Estimate:
    """Return the accuracy of one condition and modality with its 95% interval; see `Cell.headline`."""
    return cell.headline(average)
