"""Accuracies and their differences by either average."""

from numpy.typing import ArrayLike

from mma_bench.evaluation.statistics.estimate import Estimate
from mma_bench.evaluation.statistics.macro import Average, macro_average
from mma_bench.evaluation.statistics.paired import macro_difference, paired_difference
from mma_bench.evaluation.statistics.share import share


def average_share(hits: ArrayLike, average: Average, classes: ArrayLike, clips: ArrayLike) -> Estimate:
    """Return the share of ``hits`` over questions (``micro``, see `share`) or over classes (see `macro_average`)."""
    return share(hits, clips) if average == "micro" else macro_average(hits, classes, clips)


def average_difference(
    before: ArrayLike, after: ArrayLike, average: Average, classes: ArrayLike, clips: ArrayLike
) -> Estimate:
    """Return the paired difference over questions (see `paired_difference`) or classes (see `macro_difference`)."""
    if average == "micro":
        return paired_difference(before, after, clips)
    return macro_difference(before, after, classes, clips)
