"""The figures of a report, each drawn once for the page (SVG) and for papers (PDF, PNG).

Those of a score are in its file in `mma_bench/evaluation/analyses/`; here are those that show no single score.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mma_bench.drawing.panels import Plot
from mma_bench.evaluation.analyses.names import check_name
from mma_bench.evaluation.analyses.registry import ANALYSES, Series
from mma_bench.registry import BUILT_IN, Registry, left_out
from mma_bench.report.average import average_of
from mma_bench.report.facts import Reference
from mma_bench.report.figures.class_drops import class_drops_plot
from mma_bench.report.figures.conditions import conditions_plot
from mma_bench.report.figures.confusion import confusion_plot
from mma_bench.report.order import FIGURES as ORDER
from mma_bench.report.order import TAKEN, in_order
from mma_bench.report.runs import ScoredRun

__all__ = ["FIGURES", "plots_of"]

MakePlot = Callable[[Sequence[ScoredRun]], Plot | None]


def _adopt(found: Any) -> MakePlot:
    if not callable(found):
        raise TypeError("it is not a function of the runs")
    make: MakePlot = found
    return make


FIGURES: Registry[MakePlot] = Registry("figure", "figures", adopt=_adopt)
"""Figures of users: functions of the runs."""


def plots_of(runs: Sequence[ScoredRun], columns: Sequence[Reference]) -> list[Plot]:
    """Return every figure for which there are data, the main one first.

    Baselines are drawn only where there is no model: their numbers are in the tables.
    """
    runs = [run for run in runs if not run.is_baseline] or runs
    found: list[Plot | None] = [
        *_plots_of_analyses(runs),
        conditions_plot(runs, columns),
        class_drops_plot(runs),
        confusion_plot(runs),
    ]
    for entry in FIGURES.entries():
        with left_out(entry, "figure"):
            found.append(_drawn(entry.value(runs), found))
    return in_order(found, ORDER)


def _plots_of_analyses(runs: Sequence[ScoredRun]) -> list[Plot | None]:
    found: list[Plot | None] = []
    for entry in ANALYSES.entries():
        series = [Series(run.label, run.is_baseline, average_of(run), run.analysis.rows(entry.name)) for run in runs]
        for figure in entry.value.figures:
            with left_out(entry, "figure of the analysis"):
                plot = figure(series)
                found.append(plot if entry.origin == BUILT_IN else _drawn(plot, found))
    return found


def _drawn(plot: Plot | None, found: Sequence[Plot | None]) -> Plot | None:
    """Return ``plot`` once it has been drawn: an error of a user's shows here, not in a half-written report."""
    if plot:
        check_name("the figure", plot.name, {*TAKEN["figure"], *(other.name for other in found if other)})
        plot.inline()
    return plot
