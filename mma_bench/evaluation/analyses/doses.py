"""Dose-response: answers as a conflict grows, and the dose at which both sides pull alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import AUDIO, COLOURS, INK, MARKERS, MUTED, PAPER, RULE, VISUAL
from mma_bench.evaluation.analyses.registry import Series, analysis
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.evaluation.statistics.clusters import Codes, codes_of
from mma_bench.evaluation.statistics.estimate import around
from mma_bench.evaluation.statistics.fieller import ratio_interval
from mma_bench.evaluation.statistics.jackknife import jackknife_covariance
from mma_bench.evaluation.statistics.logistic import fit_logistic
from mma_bench.schema import CONDITIONS, Modality

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEP = 0.006
"""Distance between the marks of one dose, as a share of the axis: equal answers would hide each other."""


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
    """How answers about one modality move to the distractor as the dose of a graded condition grows.

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


def doses_figure(runs: Sequence[Series[DoseResponse]]) -> Plot | None:
    """Return a panel for each run and graded condition, or none if there is none."""
    panels = []
    for run in runs:
        for condition in dict.fromkeys(entry.condition for entry in run.rows):
            entries = [entry for entry in run.rows if entry.condition == condition]
            title = condition.replace("_", " ")
            panels.append(
                Panel(
                    f"{title}, {run.label}",
                    partial(_draw, entries=entries),
                    2.7,
                    f"Answers of {run.label} as the dose of {title} grows",
                    left=0.5,
                )
            )
    if not panels:
        return None
    counts = {point.answers for run in runs for entry in run.rows for point in entry.points}
    counted = f"{min(counts):,}" if len(counts) == 1 else f"{min(counts):,} to {max(counts):,}"
    return Plot(
        name="doses",
        title="Dose and response",
        text="How strong must the other side be before a model follows it? A line over the whole height is the "
        "fitted dose at which both sides are named equally often; there is none if the doses do not show it.",
        caption=f"Percent of the answers at each dose, n = {counted} per mark; bars are 95% Wilson intervals "
        "(effective sample size over clips), the band that of the point of equal dominance (Fieller, jackknife "
        "over clips).",
        panels=panels,
        legend=[
            Mark("asked about the visual content", VISUAL, "circle"),
            Mark("asked about the audio content", AUDIO, "square"),
            Mark("names the right class", INK, "line"),
            Mark("names the other side's class", INK, "dashed"),
        ],
    )


def _draw(axes: "Axes", entries: Sequence[DoseResponse]) -> None:
    for entry in entries:
        colour = COLOURS[entry.modality]
        side = -1 if entry.modality is Modality.VISUAL else 1
        _draw_curve(axes, entry, [point.own for point in entry.points], "-", colour, 3 * side * _STEP)
        _draw_curve(axes, entry, [point.other for point in entry.points], "--", PAPER, side * _STEP)
        if equal := entry.equal_dominance:
            if math.isfinite(equal.low):
                axes.axvspan(equal.low, equal.high, color=colour, alpha=0.12, linewidth=0)
            axes.axvline(equal.value, color=colour, linewidth=1.0)
    first = entries[0]
    unit = CONDITIONS[first.condition].unit if first.condition in CONDITIONS else ""
    axes.set_xlabel(f"dose, {unit}" if unit else "dose")
    axes.set_xticks(_levels(first.points))
    axes.set_ylim(-3, 103)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.set_ylabel("answers, %")
    axes.grid(color=RULE, linewidth=0.6)


def _levels(points: Sequence[DosePoint]) -> list[float]:
    return [point.level for point in points]


def _draw_curve(
    axes: "Axes", entry: DoseResponse, shares: Sequence[Estimate], dash: str, face: str, aside: float
) -> None:
    levels, colour = _levels(entry.points), COLOURS[entry.modality]
    x = [level + aside * (levels[-1] - levels[0]) for level in levels]
    for level, part in zip(x, shares, strict=True):
        axes.vlines(level, 100 * part.low, 100 * part.high, color=colour, linewidth=0.9, alpha=0.6)
    axes.plot(x, [100 * part.value for part in shares], color=colour, linestyle=dash, linewidth=1.2,
              marker=MARKERS[entry.modality], markersize=4.5, markerfacecolor=face, clip_on=False)  # fmt: skip


@dataclass(frozen=True)
class _Line:
    """A line of the table: one dose."""

    condition: str
    modality: Modality
    level: float
    answers: int
    own: Estimate
    other: Estimate
    neither: Estimate


def _lines(runs: Sequence[Sequence[DoseResponse]]) -> list[list[_Line]]:
    return [
        [
            _Line(entry.condition, entry.modality, point.level, point.answers, point.own, point.other, point.neither)
            for entry in rows
            for point in entry.points
        ]
        for rows in runs
    ]


def _name(line: _Line) -> str:
    unit = CONDITIONS[line.condition].unit if line.condition in CONDITIONS else ""
    dose = f"{line.level:g}" + (f" {unit}" if unit in ("dB", "s") else "")
    return f"{line.condition.replace('_', ' ')}, {line.modality}, {dose}"


@analysis(
    name="doses",
    title="Dose and response",
    head="model: condition, asked, dose",
    columns={
        "answers": "n",
        "own": "right class",
        "other": "the other side's class",
        "neither": "neither",
    },
    row=_name,
    lines=_lines,
    caption="Percent of the answers at each dose. The other side's class: that of the other clip, or the class that is "
    "said (spoken label) or written (written label). 95% Wilson intervals (effective sample size over clips).",
    figure=doses_figure,
    graded=True,
)
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
