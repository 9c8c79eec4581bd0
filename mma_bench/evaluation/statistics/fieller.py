"""Fieller's interval of a ratio."""

import math

import numpy as np
from numpy.typing import NDArray

from mma_bench.evaluation.statistics.clusters import t_quantile


def ratio_interval(
    line: NDArray[np.float64], covariance: NDArray[np.float64], freedom: int
) -> tuple[float, float] | None:
    """Return the interval of the place x where a + b x = 0 (Fieller 1954).

    It holds every x at which a + b x does not differ from zero. A normal interval around -a / b is too narrow where the
    slope is uncertain.

    Args:
        line: a and b.
        covariance: of both, shape [2, 2].
        freedom: degrees of freedom of the covariance.

    Returns:
        Both bounds; None if b does not differ from zero, so that the interval has no end.
    """
    t = t_quantile(freedom) ** 2
    (intercept, slope), ((vaa, vab), (_, vbb)) = line.tolist(), covariance.tolist()
    square, half, constant = slope**2 - t * vbb, intercept * slope - t * vab, intercept**2 - t * vaa
    inside = half**2 - square * constant
    if square <= 0 or inside < 0:
        return None
    return (-half - math.sqrt(inside)) / square, (-half + math.sqrt(inside)) / square
