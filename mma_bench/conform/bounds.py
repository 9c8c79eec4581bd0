"""Exact one-sided bounds of a share: what "sure" means in a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
"""Of each bound, one-sided."""


@dataclass(frozen=True)
class Bounds:
    """A share with its one-sided 95% bounds.

    Attributes:
        value: the share.
        low: lower bound: a smaller true share would give as many hits with a chance of less than 5%.
        high: upper bound.
        effective: number of independent answers that are worth as much; see `mma_bench.evaluation.statistics.clusters`.
    """

    value: float
    low: float
    high: float
    effective: float


def bounds(hits: Sequence[bool], clusters: Sequence[str]) -> Bounds:
    """Return the exact bounds of Clopper and Pearson (1934) at the effective number of answers.

    That is the interval of Korn and Graubard (1998) for clustered answers, one-sided: several answers about one
    stimulus count as many independent ones as give the same variance.

    Args:
        hits: one per answer; there is at least one.
        clusters: the stimulus of each.
    """
    import numpy as np
    from scipy.special import betaincinv

    from mma_bench.evaluation.statistics.clusters import codes_of, effective_size

    hit = np.asarray(hits, dtype=np.float64)
    value = float(hit.mean())
    size = effective_size(hit - value, np.ones(len(hit)), [codes_of(list(clusters))], value * (1 - value))
    found, rest = value * size, (1 - value) * size
    low = float(betaincinv(found, rest + 1, 1 - CONFIDENCE)) if found > 0 else 0.0
    high = float(betaincinv(found + 1, rest, CONFIDENCE)) if rest > 0 else 1.0
    return Bounds(value, low, high, size)
