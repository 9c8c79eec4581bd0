"""Calibration of option scores: is a model that gives 80% to an option right in 80% of such answers?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mma_bench.evaluation.analyses.calibration_figures import abstention_figure, calibration_figure
from mma_bench.evaluation.analyses.registry import Column, analysis
from mma_bench.evaluation.analyses.table import STANDARD, VerdictTable
from mma_bench.evaluation.statistics.clusters import codes_of
from mma_bench.schema import Modality

BINS = 10
"""Of equal width, as usual (Guo et al. 2017)."""

_DRAWS = 500
_SEED = 20_251_122
_COVERAGES = np.arange(1, 21) / 20


@dataclass(frozen=True)
class Bin:
    """Answers of similar confidence: from ``low``, not included, to ``high``."""

    low: float
    high: float
    answers: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class RiskPoint:
    """Errors among the most confident answers if the model abstained from the others.

    Attributes:
        coverage: share of the questions that it would answer.
        risk: share of errors among those.
        threshold: confidence below which it would abstain.
    """

    coverage: float
    risk: float
    threshold: float


@dataclass(frozen=True)
class Calibration:
    """Calibration under one condition and modality.

    The confidence is the probability of the likeliest option, with the options' scores normalised to one among
    them; right is that option, whatever text the model wrote.

    Attributes:
        condition: the condition.
        modality: what was asked about.
        answers: those with a score for every option.
        accuracy: share of them whose likeliest option is right.
        confidence: mean confidence.
        ece: expected calibration error: mean over answers of the distance, in their bin, of confidence and accuracy. It
            is above zero by chance alone, the more so the fewer answers there are, so it has no interval but a
            yardstick: the next two.
        ece_by_chance: what a perfectly calibrated model with these confidences would show, on average.
        ece_limit: what such a model would exceed in 5% of draws: an ``ece`` above it is miscalibration. Answers about
            one clip are drawn together, right or wrong, as if they fully depended on each other.
        bins: those that hold answers.
        risk_coverage: the abstention curve.
        aurc: area under it: mean risk over the coverages.
    """

    condition: str
    modality: Modality
    answers: int
    accuracy: float
    confidence: float
    ece: float
    ece_by_chance: float
    ece_limit: float
    bins: Sequence[Bin]
    risk_coverage: Sequence[RiskPoint]
    aurc: float


@analysis(
    name="calibration",
    title="Calibration",
    head="model: condition, asked",
    columns={
        "answers": "n",
        "accuracy": "accuracy",
        "confidence": "confidence",
        "ece": Column("ECE", marks=lambda entry: "*" if entry.ece > entry.ece_limit else ""),
        "ece_by_chance": "ECE by chance",
        "ece_limit": "limit",
        "aurc": "area",
    },
    caption="Of the likeliest option, in percent: accuracy, mean confidence, expected calibration error (ECE, ten "
    "bins), and the area under the curve of errors over coverage. The ECE is above zero by chance alone: next to "
    "it is what a perfectly calibrated model with the same confidences shows on average, and what it exceeds in "
    "5% of draws.",
    row=lambda entry: f"{entry.condition.replace('_', ' ')}, {entry.modality}",
    notes=["* Above the limit: the confidence is miscalibrated."],
    figure=(calibration_figure, abstention_figure),
)
def calibrations(table: VerdictTable) -> list[Calibration]:
    """Return the calibration of each answerable condition and modality with option scores, in the standard wording."""
    scored = table.select(variants=STANDARD)
    scored = scored.take(np.isfinite(scored.confidence) & scored.answerable)
    found = []
    for condition in scored.conditions:
        for modality in Modality:
            rows = scored.select(condition=condition, modality=modality)
            if len(rows):
                found.append(_calibration(condition, modality, rows))
    return found


def _calibration(condition: str, modality: Modality, rows: VerdictTable) -> Calibration:
    confidence, right = rows.confidence, rows.confident_right.astype(np.float64)
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    inside = (place[:, None] == np.arange(BINS)).astype(np.float64)
    by_chance = _chance(confidence, place, codes_of(rows.clip))
    counts = inside.sum(0)
    bins = [
        Bin(
            low=i / BINS,
            high=(i + 1) / BINS,
            answers=int(counts[i]),
            confidence=float(confidence[place == i].mean()),
            accuracy=float(right[place == i].mean()),
        )
        for i in range(BINS)
        if counts[i]
    ]
    curve, area = _risk_coverage(confidence, right)
    return Calibration(
        condition=condition,
        modality=modality,
        answers=len(rows),
        accuracy=float(right.mean()),
        confidence=float(confidence.mean()),
        ece=_error(confidence - right, place),
        ece_by_chance=float(by_chance.mean()),
        ece_limit=float(np.quantile(by_chance, 0.95)),
        bins=bins,
        risk_coverage=curve,
        aurc=area,
    )


def _error(gaps: NDArray[np.float64], place: NDArray[np.int64]) -> float:
    return float(np.abs(np.bincount(place, weights=gaps, minlength=BINS)).sum() / len(gaps))


def _chance(confidence: NDArray[np.float64], place: NDArray[np.int64], clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the errors that a calibrated model shows in `_DRAWS` draws, shape [draws]."""
    generator = np.random.default_rng(_SEED)
    found = np.empty(_DRAWS)
    for draw in range(_DRAWS):
        right = generator.random(int(clips.max()) + 1)[clips] < confidence
        found[draw] = _error(confidence - right, place)
    return found


def _risk_coverage(confidence: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[list[RiskPoint], float]:
    order = np.argsort(-confidence, kind="stable")
    risks = np.cumsum(1 - right[order]) / np.arange(1, len(order) + 1)
    counts = np.unique(np.maximum(1, np.round(_COVERAGES * len(order)).astype(np.int64)))
    points = [
        RiskPoint(float(count / len(order)), float(risks[count - 1]), float(confidence[order[count - 1]]))
        for count in counts
    ]
    return points, float(risks.mean())
