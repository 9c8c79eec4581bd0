"""Bootstrap over clips, for numbers that are no share of answers: effect sizes, ratios, means of log-probabilities."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mma_bench.evaluation.statistics.clusters import codes_of
from mma_bench.evaluation.statistics.estimate import Estimate, around

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 2000

Statistic = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]
"""Gets how often each row counts, shape [draws, rows]; returns numbers of each draw, shape [draws, ...]."""


def bootstrap(statistic: Statistic, clips: ArrayLike, *, seed: int = 0, draws: int = DRAWS) -> list[Estimate]:
    """Return estimates with 95% percentile intervals. Rows about one clip are drawn together.

    Args:
        statistic: computes the numbers; NaN where a draw has nothing to compute one from.
        clips: clip of each row, shape [rows].
        seed: of the draws; the same clips are drawn for all numbers, and for all calls with clips of the same number.
        draws: how often the clips are drawn with replacement.

    Returns:
        An estimate of each number, in C order; the interval is NaN with fewer than two clips.
    """
    codes = codes_of(clips)
    count = int(codes.max()) + 1 if len(codes) else 0
    if not count:
        return []
    values = np.atleast_1d(statistic(np.ones((1, len(codes))))[0]).ravel()
    if count < 2:
        return [Estimate(float(value), float("nan"), float("nan"), count) for value in values]
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    repeated = statistic(drawn[:, codes].astype(np.float64)).reshape(draws, -1)
    found = []
    for value, column in zip(values.tolist(), repeated.T, strict=True):
        usable = column[np.isfinite(column)]
        if math.isnan(value) or len(usable) < draws / 2:
            found.append(Estimate(value, float("nan"), float("nan"), count))
            continue
        low, high = np.quantile(usable, [0.025, 0.975]).tolist()
        found.append(around(value, low, high, count))
    return found


def mean(values: ArrayLike, clips: ArrayLike, *, seed: int = 0) -> list[Estimate]:
    """Return the mean over rows of each column.

    Args:
        values: shape [rows] or [rows, columns]; NaN is left out.
        clips: clip of each row.
        seed: see `bootstrap`.
    """
    table = np.asarray(values, dtype=np.float64)
    table = table.reshape(len(table), -1)
    there = np.isfinite(table)
    filled = np.where(there, table, 0.0)

    def statistic(weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
        with np.errstate(invalid="ignore"):
            found: NDArray[np.float64] = weights @ filled / (weights @ there)
        return found

    return bootstrap(statistic, clips, seed=seed)
