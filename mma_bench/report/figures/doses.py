"""Dose-response: answers as a conflict grows."""

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mma_bench.evaluation.analyses import DosePoint, DoseResponse, Estimate
from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import AUDIO, COLOURS, INK, MARKERS, MUTED, PAPER, RULE, VISUAL
from mma_bench.report.runs import ScoredRun
from mma_bench.schema import CONDITIONS, Modality

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEP = 0.006
"""Marks of one dose stand side by side, in steps of this share of the axis: equal answers hid each other."""


def doses_plot(runs: Sequence[ScoredRun]) -> Plot | None:
    """Return a panel for each model and graded condition, or none if there is none.

    Rules that read labels hear no dose; they have panels only where there is no model.
    """
    panels = []
    shown = [run for run in runs if not run.is_baseline] or runs
    for run in shown:
        for condition in dict.fromkeys(entry.condition for entry in run.analysis.doses):
            entries = [entry for entry in run.analysis.doses if entry.condition == condition]
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
    counts = {point.answers for run in shown for entry in run.analysis.doses for point in entry.points}
    counted = f"{min(counts):,}" if len(counts) == 1 else f"{min(counts):,} to {max(counts):,}"
    return Plot(
        name="doses",
        title="Dose and response",
        text="How strong must the other side be before a model goes over to it? The vertical line is the fitted "
        "dose at "
        "which both sides are named equally often.",
        caption=f"Percent of the answers at each dose, n = {counted} a mark; bars are 95% Wilson intervals (effective "
        "sample size over clips), the band that of the point of equal dominance (Fieller, jackknife over clips).",
        panels=panels,
        legend=[
            Mark("asked about the picture", VISUAL, "circle"),
            Mark("asked about the sound", AUDIO, "square"),
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
    for level, share in zip(x, shares, strict=True):
        axes.vlines(level, 100 * share.low, 100 * share.high, color=colour, linewidth=0.9, alpha=0.6)
    axes.plot(x, [100 * share.value for share in shares], color=colour, linestyle=dash, linewidth=1.2,
              marker=MARKERS[entry.modality], markersize=4.5, markerfacecolor=face, clip_on=False)  # fmt: skip
