"""Estimates with 95% intervals and tests, for answers of which several are about one clip."""

from mma_bench.evaluation.statistics.averages import average_difference, average_share
from mma_bench.evaluation.statistics.estimate import NOTHING, Estimate, Z
from mma_bench.evaluation.statistics.macro import AVERAGE_WORDS, Average, macro_average
from mma_bench.evaluation.statistics.mcnemar import holm, mcnemar
from mma_bench.evaluation.statistics.paired import macro_difference, paired_difference
from mma_bench.evaluation.statistics.share import share, wilson

__all__ = [
    "AVERAGE_WORDS",
    "NOTHING",
    "Average",
    "Estimate",
    "Z",
    "average_difference",
    "average_share",
    "holm",
    "macro_average",
    "macro_difference",
    "mcnemar",
    "paired_difference",
    "share",
    "wilson",
]
