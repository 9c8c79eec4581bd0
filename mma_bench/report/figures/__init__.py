"""The figures of a report, each drawn once for the page (SVG) and for papers (PDF, PNG)."""

from collections.abc import Callable, Sequence
from typing import Any

from mma_bench.registry import Registry
from mma_bench.report.facts import Reference
from mma_bench.report.figures.calibration import abstention_plot, calibration_plot
from mma_bench.report.figures.class_drops import class_drops_plot
from mma_bench.report.figures.competence import competence_plot
from mma_bench.report.figures.conditions import conditions_plot
from mma_bench.report.figures.confusion import confusion_plot
from mma_bench.report.figures.doses import doses_plot
from mma_bench.report.figures.following import following_plot
from mma_bench.drawing.panels import Plot
from mma_bench.report.figures.reliance import reliance_plot
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
    found = [
        competence_plot(runs),
        conditions_plot(runs, columns),
        following_plot(runs),
        reliance_plot(runs),
        doses_plot(runs),
        class_drops_plot(runs),
        confusion_plot(runs),
        calibration_plot(runs),
        abstention_plot(runs),
        *(make(runs) for make in FIGURES.values()),
    ]
    return [plot for plot in found if plot is not None]
