"""Calibration: is a model that gives 80% to an option right in 80%, and what would abstaining save?"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import AUDIO, COLOURS, INK, MARKERS, MUTED, RULE, VISUAL
from mma_bench.evaluation.analyses.registry import Series
from mma_bench.evaluation.analyses.table import CONFLICT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mma_bench.evaluation.analyses.calibration import Calibration

_CONDITIONS = {"aligned": "-", CONFLICT: "--"}
_LEGEND = (
    Mark("asked about the visual content", VISUAL, "circle"),
    Mark("asked about the audio content", AUDIO, "square"),
    Mark("aligned", INK, "line"),
    Mark(CONFLICT, INK, "dashed"),
)
_HEIGHT = 3.0


def calibration_figure(runs: Sequence[Series["Calibration"]]) -> Plot | None:
    """Return the reliability diagram of each run with option scores, or none if no run has them."""
    panels = _panels(runs, _draw_reliability, "Confidence and accuracy of {}")
    if not panels:
        return None
    return Plot(
        name="calibration",
        title="Calibration",
        text="Is a model correct as often as its confidence says? On the dotted line it is; below the line it is "
        "overconfident. A model that notices a conflict becomes less confident under it.",
        caption="Accuracy of the likeliest option in ten bins of equal width of its probability among the options; the "
        f"area of a mark grows with the answers in the bin; n = {_counted(runs)} answers per curve. The expected "
        "calibration error, and what it is by chance, are in the table of calibration.",
        panels=panels,
        legend=[*_LEGEND, Mark("confidence equals accuracy", MUTED, "dotted")],
    )


def abstention_figure(runs: Sequence[Series["Calibration"]]) -> Plot | None:
    """Return the risk-coverage curve of each run with option scores, or none if no run has them."""
    panels = _panels(runs, _draw_risk, "Errors of {} among its most confident answers")
    if not panels:
        return None
    return Plot(
        name="abstention_curve",
        title="Errors saved by abstaining",
        text="If the model answered only where it is most confident, how many of these answers would be wrong? With a "
        "useful confidence, the curve rises from near zero.",
        caption="Errors among the answered questions in percent, by the share of questions answered, most confident "
        f"first; n = {_counted(runs)} answers per curve; no interval is shown.",
        panels=panels,
        legend=_LEGEND,
    )


def _panels(
    runs: Sequence[Series["Calibration"]],
    draw: Callable[[Sequence["Calibration"], "Axes"], None],
    description: str,
) -> list[Panel]:
    panels = []
    for run in runs:
        entries = [entry for entry in run.rows if entry.condition in _CONDITIONS]
        if entries:
            panels.append(Panel(run.label, partial(draw, entries), _HEIGHT, description.format(run.label), left=0.5))
    return panels


def _counted(runs: Sequence[Series["Calibration"]]) -> str:
    counts = {entry.answers for run in runs for entry in run.rows if entry.condition in _CONDITIONS}
    return f"{min(counts):,}" if len(counts) == 1 else f"{min(counts):,} to {max(counts):,}"


def _draw_reliability(entries: Sequence["Calibration"], axes: "Axes") -> None:
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=":")
    for entry in entries:
        colour, dash = COLOURS[entry.modality], _CONDITIONS[entry.condition]
        x, y = [100 * b.confidence for b in entry.bins], [100 * b.accuracy for b in entry.bins]
        axes.plot(x, y, color=colour, linestyle=dash, linewidth=1.2)
        sizes = [8 + 60 * b.answers / entry.answers for b in entry.bins]
        axes.scatter(x, y, s=sizes, marker=MARKERS[entry.modality], color=colour, zorder=3, clip_on=False)
    axes.set_ylim(-2, 102)
    _axes(axes, "confidence, %", "accuracy, %")


def _draw_risk(entries: Sequence["Calibration"], axes: "Axes") -> None:
    for entry in entries:
        x = [100 * point.coverage for point in entry.risk_coverage]
        y = [100 * point.risk for point in entry.risk_coverage]
        colour = COLOURS[entry.modality]
        axes.plot(x, y, color=colour, linestyle=_CONDITIONS[entry.condition], linewidth=1.3)
        axes.plot(x[-1], y[-1], marker=MARKERS[entry.modality], color=colour, markersize=5, clip_on=False)
    axes.set_ylim(bottom=0)
    _axes(axes, "questions answered, %", "errors among them, %")


def _axes(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlim(-2, 102)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color=RULE, linewidth=0.6)
