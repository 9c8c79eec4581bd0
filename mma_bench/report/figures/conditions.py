"""Conditions by modality: an accuracy with its interval for each model."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mma_bench.drawing.panels import Mark, Panel, Plot, left_of
from mma_bench.drawing.style import AUDIO, COLOURS, MARKERS, MUTED, OTHER, PAPER, RULE, VISUAL, percent_axis
from mma_bench.evaluation.statistics import AVERAGE_WORDS
from mma_bench.report.average import average_of, headline_of
from mma_bench.report.facts import Reference
from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.headline import cell_of
from mma_bench.schema import Modality

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def conditions_plot(runs: Sequence[ScoredRun], columns: Sequence[Reference]) -> Plot:
    """Return a panel for each run: a mark with its interval for each condition and modality."""
    conditions = list(dict.fromkeys(column.condition for column in columns))
    legend = [
        Mark("asked about the visual content", VISUAL, "circle"),
        Mark("asked about the audio content", AUDIO, "square"),
        Mark("chance", MUTED, "dotted"),
        Mark("majority class", OTHER, "line"),
    ]
    if not all(column.answerable for column in columns):
        legend.append(Mark("hollow: removed, lower is better", MUTED, "hollow"))
    counts = sorted({column.questions for column in columns})
    asked = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return Plot(
        name="conditions",
        title="Conditions by modality",
        text="What each conflict costs. A model that uses the modality it is asked about keeps its "
        "accuracy from aligned to misaligned; a hollow mark is a removed modality, where naming the class is a "
        "hallucination.",
        caption=f"Accuracy in percent, {AVERAGE_WORDS[average_of(runs[0])]}, n = {asked} per mark; "
        "lines are 95% intervals.",
        panels=[
            Panel(
                run.label,
                partial(_draw, run=run, columns=columns, conditions=conditions),
                0.42 * len(conditions) + 0.55,
                f"Accuracy of {run.label} for each condition and modality; the table of all scores has the numbers",
                left=left_of(conditions),
            )
            for run in runs
        ],
        legend=legend,
    )


def _draw(axes: "Axes", run: ScoredRun, columns: Sequence[Reference], conditions: Sequence[str]) -> None:
    for line in range(1, len(conditions)):
        axes.axhline(line - 0.5, color=RULE, linewidth=0.6)
    for column in columns:
        y = conditions.index(column.condition) + (-0.19 if column.modality is Modality.VISUAL else 0.19)
        axes.vlines(100 * column.chance, y - 0.19, y + 0.19, color=MUTED, linewidth=1.1, linestyle=":")
        majority = column.majority if average_of(run) == "micro" else 1 / column.classes
        axes.vlines(100 * majority, y - 0.19, y + 0.19, color=OTHER, linewidth=1.6)
        cell = cell_of(run, column)
        if cell is None:
            continue
        colour, accuracy = COLOURS[cell.modality], headline_of(cell, average_of(run))
        axes.hlines(y, 100 * accuracy.low, 100 * accuracy.high, color=colour, linewidth=1.3, zorder=3)
        axes.plot(
            100 * accuracy.value,
            y,
            marker=MARKERS[cell.modality],
            markersize=5.5,
            markerfacecolor=colour if cell.answerable else PAPER,
            markeredgecolor=colour,
            markeredgewidth=1.3,
            linestyle="none",
            clip_on=False,
            zorder=4,
        )
    axes.set_ylim(len(conditions) - 0.45, -0.55)
    axes.set_yticks(range(len(conditions)), [name.replace("_", " ") for name in conditions])
    percent_axis(axes, "accuracy, %")
