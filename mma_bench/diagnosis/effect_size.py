"""Cohen's d between two questions about the same stimuli, with bootstrap intervals over clips."""

from typing import TYPE_CHECKING

import numpy as np

from mma_bench.evaluation.statistics import Estimate
from mma_bench.evaluation.statistics.bootstrap import bootstrap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def pooled_d(
    first: "NDArray[np.float64]", second: "NDArray[np.float64]", weights: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Return the difference of the means over the root of the mean of the two variances.

    Args:
        first: values under one question, shape [rows, columns].
        second: values under the other question, of the same shape.
        weights: how often each row counts, shape [draws, rows].

    Returns:
        Shape [draws, columns]; 0 where nothing differs.
    """
    one, other = _moments(first, weights), _moments(second, weights)
    return _ratio(one[0] - other[0], np.sqrt((one[1] + other[1]) / 2))


def paired_d(
    first: "NDArray[np.float64]", second: "NDArray[np.float64]", weights: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """Return the mean of the differences over their standard deviation; arguments as `pooled_d`."""
    center, variance = _moments(first - second, weights)
    return _ratio(center, np.sqrt(variance))


def cohens_d(first: "ArrayLike", second: "ArrayLike", clips: "ArrayLike", *, paired: bool, seed: int) -> list[Estimate]:
    """Return d of each column, with its interval.

    Args:
        first: values under one question, shape [rows, columns].
        second: values under the other question about the same stimulus.
        clips: clip of each row.
        paired: whether d is of the differences (`paired_d`) or of the two samples (`pooled_d`).
        seed: of the bootstrap.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    form = paired_d if paired else pooled_d
    return bootstrap(lambda weights: form(one, other, weights), clips, seed=seed)


def d_change(
    before: "tuple[ArrayLike, ArrayLike]", after: "tuple[ArrayLike, ArrayLike]", clips: "ArrayLike", *, seed: int
) -> list[Estimate]:
    """Return how much the absolute value of the pooled d grew, paired by clip.

    Args:
        before: values under both questions, each of shape [rows, columns].
        after: the same of another model, about the same stimuli in the same order.
        clips: clip of each row.
        seed: of the bootstrap.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in (*before, *after)]

    def statistic(weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return np.abs(pooled_d(arrays[2], arrays[3], weights)) - np.abs(pooled_d(arrays[0], arrays[1], weights))

    return bootstrap(statistic, clips, seed=seed)


def _moments(
    values: "NDArray[np.float64]", weights: "NDArray[np.float64]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Return mean and variance (divided by rows - 1) of each column under each draw."""
    count = weights.sum(axis=1, keepdims=True)
    origin = values.mean(axis=0)  # subtracted first: squares of large numbers would lose the small differences
    moved = values - origin
    center = weights @ moved / count
    spread = np.maximum(weights @ moved**2 / count - center**2, 0.0)
    return center + origin, spread * count / np.maximum(count - 1, 1)


def _ratio(top: "NDArray[np.float64]", bottom: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return top / bottom; 0 where both are nothing but rounding."""
    tiny = 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        found = top / bottom
    return np.where(np.abs(top) < tiny, 0.0, np.where(bottom < tiny, np.nan, found))
