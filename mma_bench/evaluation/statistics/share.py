"""Shares of answers, with Wilson's interval at the effective number of answers."""

import math

import numpy as np
from numpy.typing import ArrayLike

from mma_bench.evaluation.statistics.clusters import codes_of, effective_size
from mma_bench.evaluation.statistics.estimate import NOTHING, Estimate, Z, around


def share(
    hits: ArrayLike, clips: ArrayLike, *, also: ArrayLike | None = None, weights: ArrayLike | None = None
) -> Estimate:
    """Return the share of ``hits`` with Wilson's interval at the effective number of answers.

    With one answer per clip this is Wilson's score interval. Several answers about one clip (option orders, repeats)
    count as many independent ones as give the same variance, see `effective_size`.

    Args:
        hits: whether each answer is a hit, or to what part from 0 to 1, shape [answers].
        clips: name or code of each answer's clip, shape [answers].
        also: a second clustering, such as the stimulus: both questions about a stimulus depend on each other, and so do
            both stimuli that a clip is part of.
        weights: of each answer; by default all count the same.
    """
    hit = np.asarray(hits, dtype=np.float64)
    if not len(hit):
        return NOTHING
    weight = np.ones(len(hit)) if weights is None else np.asarray(weights, dtype=np.float64)
    clusterings = [codes_of(clips), *([] if also is None else [codes_of(also)])]
    value = float((weight * hit).sum() / weight.sum())
    size = effective_size(hit - value, weight, clusterings, value * (1 - value))
    return around(value, *wilson(value, size), int(clusterings[0].max()) + 1)


def wilson(value: float, total: float) -> tuple[float, float]:
    """Return Wilson's (1927) score interval of the share ``value`` of ``total`` answers, which may be fractional."""
    centre = (value + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * math.sqrt(max(0.0, value * (1 - value)) / total + Z**2 / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)
