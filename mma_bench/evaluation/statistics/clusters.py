"""Effective sample sizes: how many independent answers are worth as much as these.

Answers about one clip depend on each other. Counted as independent they would give intervals that are too narrow: three
wordings of a question would look like three clips.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mma_bench.evaluation.statistics.estimate import Z

Codes = NDArray[np.int64]


def codes_of(names: ArrayLike) -> Codes:
    """Return a number from 0 for each name, shape of ``names``."""
    found: Codes = np.unique(np.asarray(names), return_inverse=True)[1].reshape(-1)
    return found


def kish(weights: NDArray[np.float64]) -> float:
    """Return the number of equally weighted rows that are worth as much as ``weights``, shape [rows] (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def effective_size(
    residuals: NDArray[np.float64],
    weights: NDArray[np.float64],
    clusterings: Sequence[Codes],
    single: float,
) -> float:
    """Return the effective number of answers: ``single`` over the variance of the mean.

    The variance is that between clusters, with two clusterings that of Cameron, Gelbach and Miller (2011): the sum of
    both less that of their intersection, and no less than either. With few clusters it is itself uncertain, for which
    Korn and Graubard (1998) multiply by (z / t)^2, t having one degree of freedom less than there are clusters. The
    result is at least the effective number of clusters and at most that of answers.

    Args:
        residuals: each answer's value less the mean, shape [answers].
        weights: of each answer, shape [answers].
        clusterings: one or two codings of the clusters, each of shape [answers].
        single: variance of a single answer.
    """
    most = kish(weights)
    least = min(kish(np.bincount(codes, weights=weights).astype(np.float64)) for codes in clusterings)
    clusters = min(int(codes.max()) + 1 for codes in clusterings)
    if least >= most or clusters < 2:
        return least
    weighted = residuals * weights
    variances = [_between(weighted, codes) for codes in clusterings]
    variance = max(variances)
    if len(clusterings) == 2:
        first, second = clusterings
        both = codes_of(first * (int(second.max()) + 1) + second)
        variance = max(variance, sum(variances) - _between(weighted, both))
    variance /= float(weights.sum()) ** 2
    size = single / variance if variance > 0 else least
    return min(max(size * (Z / t_quantile(clusters - 1)) ** 2, least), most)


def _between(weighted: NDArray[np.float64], codes: Codes) -> float:
    sums = np.bincount(codes, weights=weighted)
    return float((sums**2).sum()) * len(sums) / (len(sums) - 1)


def t_quantile(freedom: int) -> float:
    """Return the 97.5% point of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))
