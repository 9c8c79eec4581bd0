"""Tests of paired answers, and their correction for the number of tests."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]


def mcnemar(before: Flags, after: Flags, clips: Codes) -> float:
    """Return the two-sided p-value of McNemar's test that as many answers were lost as gained.

    With one pair a clip the test is exact (binomial). With several (option orders, repeats) it is Durkalski's
    (2003) for clustered pairs, which weighs each clip once and, for one pair a clip, is McNemar's chi-square.

    Args:
        before: whether each answer was right, shape [pairs].
        after: whether its partner is, shape [pairs].
        clips: clip of each pair, shape [pairs].
    """
    difference = before.astype(np.int64) - after
    codes = np.unique(clips, return_inverse=True)[1]
    sizes = np.bincount(codes)
    if sizes.max(initial=0) <= 1:
        lost, gained = int((difference > 0).sum()), int((difference < 0).sum())
        return min(1.0, 2 * _binomial_tail(min(lost, gained), lost + gained))
    means = np.bincount(codes, weights=difference) / sizes
    spread = float((means**2).sum())
    # Chi-square of one degree of freedom is the square of a normal variable.
    return math.erfc(abs(float(means.sum())) / math.sqrt(2 * spread)) if spread else 1.0


def _binomial_tail(hits: int, total: int) -> float:
    """Return the chance of at most ``hits`` heads in ``total`` throws, in whole numbers: exact before the division.

    SciPy has it too, but takes longer to import than thousands of answers to judge.
    """
    term = ways = 1
    for i in range(hits):
        term = term * (total - i) // (i + 1)
        ways += term
    return ways / (1 << total)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return ``p_values``, shape [tests], after Holm's (1979) step-down correction, which needs no independence."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
