"""Per-class drops: which classes a model loses when the other modality disagrees."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mma_bench.drawing.panels import Mark, Panel, Plot, left_of
from mma_bench.drawing.style import COLOURS, CONTENT, INK, MARKERS, PAPER, RULE, name_rows, percent_axis, short
from mma_bench.evaluation.analyses.table import CONFLICT
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import in_words
from mma_bench.schema import Modality

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_MODELS = 4
_MOST_CLASSES = 20


@dataclass(frozen=True)
class ClassDrop:
    """Right answers about one class with agreeing and with disagreeing streams, of how many questions."""

    label: str
    aligned: int
    aligned_total: int
    conflict: int
    conflict_total: int

    @property
    def shares(self) -> tuple[float, float]:
        """Shares right, aligned and under conflict."""
        return self.aligned / self.aligned_total, self.conflict / self.conflict_total


def class_drops(run: ScoredRun, modality: Modality) -> list[ClassDrop]:
    """Return the classes asked about both ways, the largest loss first."""
    right: dict[str, Counter[str]] = {"aligned": Counter(), CONFLICT: Counter()}
    total: dict[str, Counter[str]] = {"aligned": Counter(), CONFLICT: Counter()}
    for verdict in run.headline_verdicts:
        question = verdict.question
        if question.modality is modality and question.condition in total:
            total[question.condition][question.answer] += 1
            right[question.condition][question.answer] += verdict.correct
    both = total["aligned"].keys() & total[CONFLICT].keys()
    drops = [
        ClassDrop(
            label, right["aligned"][label], total["aligned"][label], right[CONFLICT][label], total[CONFLICT][label]
        )
        for label in both
    ]
    return sorted(drops, key=lambda drop: (drop.shares[1] - drop.shares[0], drop.label))


def class_drops_plot(runs: Sequence[ScoredRun]) -> Plot | None:
    """Return a panel for each of the first models and each modality, or none without both conditions."""
    panels = []
    for run in [run for run in runs if not run.is_baseline][:MOST_MODELS]:
        for modality in Modality:
            drops = class_drops(run, modality)[:_MOST_CLASSES]
            if drops:
                panels.append(
                    Panel(
                        f"{run.label}, {modality}",
                        partial(_draw, drops=drops, modality=modality),
                        0.2 * len(drops) + 0.55,
                        f"Accuracy of {run.label} for each class, aligned and {CONFLICT}, asked about the "
                        f"{CONTENT[modality]}",
                        left=left_of([_name(drop) for drop in drops]),
                    )
                )
    if not panels:
        return None
    return Plot(
        name="class_drops",
        title="Classes that a conflict costs most",
        text="Each line runs from the accuracy on agreeing streams to that under conflict, for one class.",
        caption=f"Accuracy in percent by class of the asked modality, aligned against {CONFLICT}; n of each after its "
        f"name. At most {_MOST_CLASSES} classes, the largest loss first. Classes have few clips: no interval is shown, "
        "and a single line is no evidence.",
        panels=panels,
        legend=[Mark("aligned", INK, "hollow"), Mark(CONFLICT, INK, "circle")],
    )


def _name(drop: ClassDrop) -> str:
    return f"{short(in_words(drop.label))} ({drop.conflict_total})"


def _draw(axes: "Axes", drops: Sequence[ClassDrop], modality: Modality) -> None:
    colour = COLOURS[modality]
    for row, drop in enumerate(drops):
        before, after = (100 * share for share in drop.shares)
        axes.hlines(row, min(before, after), max(before, after), color=colour, linewidth=1.4)
        axes.plot(
            before, row, marker=MARKERS[modality], color=colour, markerfacecolor=PAPER, markersize=5, clip_on=False
        )
        axes.plot(after, row, marker=MARKERS[modality], color=colour, markersize=4, clip_on=False, zorder=4)
        axes.axhline(row, color=RULE, linewidth=0.4, zorder=0)
    name_rows(axes, [_name(drop) for drop in drops])
    percent_axis(axes, "accuracy, %")
