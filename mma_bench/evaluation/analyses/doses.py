"""Dose-response: answers as a conflict grows, and the dose at which both sides pull alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.evaluation.statistics.clusters import Codes, codes_of
from mma_bench.evaluation.statistics.estimate import around
from mma_bench.evaluation.statistics.fieller import ratio_interval
from mma_bench.evaluation.statistics.jackknife import jackknife_covariance
from mma_bench.schema import Modality

_STEPS = 50
_RIDGE = 1e-6
"""Keeps the fit finite where one dose separates all answers; moves other fits by less than their digits."""


@dataclass(frozen=True)
class DosePoint:
    """Answers at one dose.

    Attributes:
        level: the dose, in the condition's unit.
        answers: how many there are.
        own: share that names the right class.
        other: share that names the distractor.
        neither: the rest.
    """

    level: float
    answers: int
    own: Estimate
    other: Estimate
    neither: Estimate


@dataclass(frozen=True)
class DoseResponse:
    """How answers of one modality go over to the distractor as the dose of a graded condition grows.

    The curve is P(distractor | right class or distractor) = 1 / (1 + exp(-(intercept + slope * level))), fitted by
    maximum likelihood.

    Attributes:
        condition: the graded condition.
        modality: what was asked about.
        points: the doses, ascending.
        intercept: of the curve; none where there is no distractor or one side is never named.
        slope: of the curve, for one unit of the dose.
        equal_dominance: dose at which the curve is one half, with Fieller's interval from the jackknife over clips.
            None without a curve, if the slope is not positive, or if it is outside the doses that were asked. Its
            bounds are NaN where the slope does not differ from zero (common with fewer than ten clips): no finite
            interval would reflect that.
    """

    condition: str
    modality: Modality
    points: Sequence[DosePoint]
    intercept: float | None
    slope: float | None
    equal_dominance: Estimate | None


def dose_responses(table: VerdictTable, variants: Sequence[str] = ("standard",)) -> list[DoseResponse]:
    """Return the curve of every graded condition and modality."""
    graded = table.select(variants=variants)
    graded = graded.take(np.isfinite(graded.level))
    found = []
    for condition in graded.conditions:
        for modality in Modality:
            rows = graded.select(condition=condition, modality=modality)
            if len(rows):
                found.append(_response(condition, modality, rows))
    return found


def _response(condition: str, modality: Modality, rows: VerdictTable) -> DoseResponse:
    levels = np.unique(rows.level)
    points = []
    for level in levels:
        here = rows.take(rows.level == level)
        own, other = here.correct, here.distracted
        parts = (share(flags, here.clip) for flags in (own, other, ~own & ~other))
        points.append(DosePoint(float(level), len(here), *parts))
    own, other = rows.correct, rows.distracted
    if not own.any() or not other.any() or len(levels) < 2:
        return DoseResponse(condition, modality, points, None, None, None)
    at = (rows.level[:, None] == levels).astype(np.float64)
    counts = [at * other[:, None], at * (own | other)[:, None]]
    line = fit_logistic(levels, *(part.sum(axis=0, keepdims=True) for part in counts))[0]
    equal = _equal(line, counts, levels, codes_of(rows.clip))
    return DoseResponse(condition, modality, points, float(line[0]), float(line[1]), equal)


def _equal(
    line: NDArray[np.float64], counts: Sequence[NDArray[np.float64]], levels: NDArray[np.float64], clips: Codes
) -> Estimate | None:
    place = float(-line[0] / line[1]) if line[1] > 0 else float("nan")
    if not levels[0] <= place <= levels[-1]:
        return None
    number = int(clips.max()) + 1
    unknown = Estimate(place, float("nan"), float("nan"), number)
    if number < 2:
        return unknown
    # All answers but those about one clip, for each clip.
    left = [
        part.sum(axis=0) - np.stack([np.bincount(clips, weights=column, minlength=number) for column in part.T], axis=1)
        for part in counts
    ]
    bounds = ratio_interval(line, jackknife_covariance(fit_logistic(levels, *left)), number - 1)
    return around(place, *bounds, number) if bounds else unknown


def fit_logistic(
    levels: NDArray[np.float64], hits: NDArray[np.float64], totals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit logistic curves to counts by Newton's method, all at once.

    Args:
        levels: doses, shape [levels].
        hits: answers that went over, shape [curves, levels].
        totals: answers that chose a side, shape [curves, levels].

    Returns:
        Intercept and slope, shape [curves, 2].
    """
    centre, scale = float(levels.mean()), float(np.ptp(levels)) or 1.0
    x = (levels - centre) / scale
    beta = np.zeros((len(hits), 2))
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(beta[:, :1] + beta[:, 1:] * x, -30, 30)))
        weight = totals * p * (1 - p)
        residual = hits - totals * p
        gradient = np.stack([residual.sum(1), (residual * x).sum(1)], axis=1) - _RIDGE * beta
        a, b, c = weight.sum(1) + _RIDGE, (weight * x).sum(1), (weight * x * x).sum(1) + _RIDGE
        determinant = a * c - b * b
        step = np.stack(
            [
                (c * gradient[:, 0] - b * gradient[:, 1]) / determinant,
                (a * gradient[:, 1] - b * gradient[:, 0]) / determinant,
            ],
            axis=1,
        )
        step = np.clip(step, -5, 5)
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    slope = beta[:, 1] / scale
    return np.stack([beta[:, 0] - slope * centre, slope], axis=1)
