"""Signal detection: how well Yes answers tell questions whose answer is Yes from those whose answer is No.

With z the quantile function of the normal distribution, H the share of Yes answers where Yes is right and F that where
No is right (Green and Swets 1966):

    sensitivity  d' = z(H) - z(F)
    criterion    c  = -(z(H) + z(F)) / 2

Rates of 0 and 1 have no quantile. Therefore half an answer is added to the Yes answers and half to the others, for all
rates (the log-linear correction, Hautus 1995, doi:10.3758/BF03203619); it is less biased than replacing only rates of 0
and 1. Of the two answers added, each kind of question gets a part in proportion to its number, which is one for equal
numbers: with one for each, a model that always answers Yes would have a d' above 0 where more questions have the answer
Yes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mma_bench.evaluation.statistics.clusters import Codes, codes_of, effective_size
from mma_bench.evaluation.statistics.estimate import Estimate, around
from mma_bench.evaluation.statistics.share import wilson


@dataclass(frozen=True)
class SignalDetection:
    """Sensitivity and criterion.

    Attributes:
        sensitivity: d'; 0 if Yes is as frequent where No is right.
        criterion: c; below 0 if Yes is the more frequent answer, above 0 if it is the rarer one.
    """

    sensitivity: Estimate
    criterion: Estimate


@dataclass(frozen=True)
class _Quantile:
    """z of a rate with its bounds, and how much each clip contributes to the rate's error, shape [clips]."""

    value: float
    low: float
    high: float
    influence: NDArray[np.float64]


def signal_detection(
    hits: ArrayLike, hit_clips: ArrayLike, alarms: ArrayLike, alarm_clips: ArrayLike
) -> SignalDetection:
    """Return sensitivity and criterion with 95% intervals.

    The bounds are those of both rates (Wilson's at the effective number of answers, see `share`), combined as in Zou
    (2007, doi:10.1037/1082-989X.12.4.399) for correlated estimates, because both rates may be of the same clips. A
    bootstrap or a jackknife would call rates of 0 and 1 certain.

    Args:
        hits: whether each answer is Yes where Yes is right, shape [answers]; at least one.
        hit_clips: name or code of the clip of each of them.
        alarms: whether each answer is Yes where No is right, shape [other answers]; at least one.
        alarm_clips: name or code of the clip of each of them.
    """
    yes, false = np.asarray(hits, dtype=np.float64), np.asarray(alarms, dtype=np.float64)
    codes = codes_of(np.concatenate([np.asarray(hit_clips), np.asarray(alarm_clips)]))
    clips = int(codes.max()) + 1
    hit, alarm = (
        _quantile(flags, part, clips, len(flags) / len(codes))
        for flags, part in zip((yes, false), np.split(codes, [len(yes)]), strict=True)
    )
    together = float(np.sqrt((hit.influence**2).sum() * (alarm.influence**2).sum()))
    correlation = float(hit.influence @ alarm.influence) / together if together else 0.0
    below, above = hit.value - hit.low, hit.high - hit.value
    down, up = alarm.value - alarm.low, alarm.high - alarm.value
    difference, total = hit.value - alarm.value, hit.value + alarm.value
    return SignalDetection(
        sensitivity=around(
            difference,
            difference - _joined(below, up, -correlation),
            difference + _joined(above, down, -correlation),
            clips,
        ),
        criterion=around(
            -total / 2,
            -(total + _joined(above, up, correlation)) / 2,
            -(total - _joined(below, down, correlation)) / 2,
            clips,
        ),
    )


def _quantile(flags: NDArray[np.float64], codes: Codes, clips: int, part: float) -> _Quantile:
    from scipy.special import ndtri

    count = len(flags)
    rate = float(flags.mean())
    size = effective_size(flags - rate, np.ones(count), [codes_of(codes)], rate * (1 - rate))
    corrected = (float(flags.sum()) + part) / (count + 2 * part)
    (low, high), plain = wilson(corrected, size + 2 * part), wilson(rate, size)
    # Near 0 and 1 the correction pulls the bounds inwards: of intervals for a true rate of 0.99 from 60 answers, 90%
    # held the truth. The plain rate's bounds are used as well where they have a quantile, which 0 and 1 do not.
    low = min(low, plain[0]) if rate > 0 else low
    high = max(high, plain[1]) if rate < 1 else high
    influence = np.bincount(codes, weights=flags - rate, minlength=clips) / count
    return _Quantile(float(ndtri(corrected)), float(ndtri(low)), float(ndtri(high)), influence)


def _joined(first: float, second: float, correlation: float) -> float:
    """Return the distance of a bound of a sum from its distances in both parts."""
    return float(np.sqrt(max(0.0, first**2 + second**2 + 2 * correlation * first * second)))
