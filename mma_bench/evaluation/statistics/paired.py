"""Differences of two accuracies on the same questions."""

import math

import numpy as np
from numpy.typing import ArrayLike

from mma_bench.evaluation.statistics.clusters import codes_of, effective_size
from mma_bench.evaluation.statistics.estimate import NOTHING, Estimate, Z, around
from mma_bench.evaluation.statistics.macro import class_means


def paired_difference(before: ArrayLike, after: ArrayLike, clips: ArrayLike) -> Estimate:
    """Return the share right ``after`` minus the share right ``before``, with Bonett and Price's (2012) interval.

    It adds one pair that was lost and one that was gained, which makes it hold with few pairs, where a bootstrap of
    clips covered 81 to 86%. Several pairs about one clip count as many independent ones as give the same variance.

    Args:
        before: whether each answer was right, shape [pairs].
        after: whether its partner is, shape [pairs].
        clips: clip of each pair, shape [pairs].
    """
    one, other = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if not len(one):
        return NOTHING
    size = effective_pairs(one, other, clips)
    lost, gained = float((one * (1 - other)).mean()), float(((1 - one) * other).mean())
    return _bonett_price(lost, gained, size, int(codes_of(clips).max()) + 1)


def effective_pairs(before: ArrayLike, after: ArrayLike, clips: ArrayLike) -> float:
    """Return the number of independent pairs that are worth as much as these; arguments as `paired_difference`."""
    change = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    mean = float(change.mean())
    return effective_size(change - mean, np.ones(len(change)), [codes_of(clips)], float((change**2).mean()) - mean**2)


def macro_difference(before: ArrayLike, after: ArrayLike, classes: ArrayLike, clips: ArrayLike) -> Estimate:
    """Return the difference of two averages over classes, with the interval of `paired_difference`.

    The effective number of clips is that of `macro_average`.

    Args:
        before: whether each answer was right, shape [pairs].
        after: whether its partner is, shape [pairs].
        classes: class of each pair's clip, shape [pairs].
        clips: the clip, shape [pairs].
    """
    one, other = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if not len(one):
        return NOTHING
    found = class_means(np.stack([one * (1 - other), (1 - one) * other], axis=1), classes, clips)
    lost, gained = found.means.tolist()
    return _bonett_price(lost, gained, found.size, found.clips)


def _bonett_price(lost: float, gained: float, pairs: float, clips: int) -> Estimate:
    total = pairs + 2
    fewer, more = (lost * pairs + 1) / total, (gained * pairs + 1) / total
    middle = more - fewer
    half = Z * math.sqrt(max(0.0, fewer + more - middle**2) / total)
    return around(gained - lost, max(-1.0, middle - half), min(1.0, middle + half), clips)
