"""Confusion matrices: which class is named for which."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mma_bench.drawing.panels import Panel, Plot, left_of
from mma_bench.drawing.style import COLOURS, CONTENT, INK, ON_MARK, RULE, short
from mma_bench.evaluation.analyses.table import CONFLICT
from mma_bench.report.figures.class_drops import MOST_MODELS
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import in_words
from mma_bench.schema import Modality

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CLASSES = 20
_OTHER, _NONE = "other class", "no class"
_WIDTH = 5.2  # inches: the page scrolls it on a phone, names would be illegible otherwise


def confusion(run: ScoredRun, condition: str, modality: Modality) -> Counter[tuple[str, str]]:
    """Return how often each class (first) was answered with each label (second)."""
    found: Counter[tuple[str, str]] = Counter()
    for verdict in run.headline_verdicts:
        if verdict.question.condition == condition and verdict.question.modality is modality:
            found[verdict.question.answer, verdict.label if verdict.label is not None else _NONE] += 1
    return found


def confusion_plot(runs: Sequence[ScoredRun]) -> Plot | None:
    """Return matrices of the first models, aligned and under conflict, or none if there is no model."""
    panels = []
    for run in [run for run in runs if not run.is_baseline][:MOST_MODELS]:
        for condition in ("aligned", CONFLICT):
            for modality in Modality:
                counts = confusion(run, condition, modality)
                if counts:
                    panels.append(_panel(run, condition, modality, counts))
    if not panels:
        return None
    return Plot(
        name="confusion",
        title="Confusion matrices",
        text="Rows are the right classes, columns what the model named. A deep-coloured column away from the "
        "diagonal is a class that the model falls back on.",
        caption=f"Percent of the questions of each row, n after its name; shares of 10% and more are printed. The "
        f"{_MOST_CLASSES} most frequent classes; the others are combined as “{_OTHER}”. “{_NONE}”: abstained, "
        "several, or unparsed. No interval is shown.",
        panels=panels,
        legend=[],
    )


def _panel(run: ScoredRun, condition: str, modality: Modality, counts: Counter[tuple[str, str]]) -> Panel:
    totals: Counter[str] = Counter()
    for (right, _), count in counts.items():
        totals[right] += count
    frequent = [label for label, _ in sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))[:_MOST_CLASSES]]
    rows = sorted(frequent) + ([_OTHER] if len(totals) > len(frequent) else [])
    columns = [*sorted(frequent), _OTHER, _NONE]
    cells: Counter[tuple[int, int]] = Counter()
    for (right, named), count in counts.items():
        row = rows.index(right if right in frequent else _OTHER)
        is_frequent = named in frequent or named == _NONE
        # A class outside the frequent ones that was named correctly counts on the diagonal of the combined class.
        cells[row, columns.index(named if is_frequent else _OTHER)] += count
    sums = [sum(count for (place, _), count in cells.items() if place == row) for row in range(len(rows))]
    names = [f"{_words(row)} ({total})" for row, total in zip(rows, sums, strict=True)]
    return Panel(
        f"{condition.replace('_', ' ')}, {modality}: {run.label}",
        partial(
            _draw, cells=cells, sums=sums, rows=names, columns=[_words(name) for name in columns], modality=modality
        ),
        0.19 * len(rows) + 0.4 + left_of(columns, 6.5),
        f"Confusion matrix of {run.label}, {condition}, asked about the {CONTENT[modality]}",
        left=left_of(names, 6.5) + 0.2,
        below=left_of(columns, 6.5) + 0.25,
        width=_WIDTH,
    )


def _words(label: str) -> str:
    return short(in_words(label))


def _draw(
    axes: "Axes",
    cells: Counter[tuple[int, int]],
    sums: Sequence[int],
    rows: Sequence[str],
    columns: Sequence[str],
    modality: Modality,
) -> None:
    from matplotlib.patches import Rectangle

    for (row, column), count in cells.items():
        share = count / sums[row]
        place = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(place, 1, 1, facecolor=COLOURS[modality], alpha=0.12 + 0.88 * share, linewidth=0))
        if share >= 0.1:
            tint = ON_MARK if share > 0.5 else INK
            axes.text(column, row, f"{100 * share:.0f}", fontsize=5.5, color=tint, ha="center", va="center")
    axes.hlines([row - 0.5 for row in range(len(rows) + 1)], -0.5, len(columns) - 0.5, color=RULE, linewidth=0.4)
    axes.vlines([column - 0.5 for column in range(len(columns) + 1)], -0.5, len(rows) - 0.5, color=RULE, linewidth=0.4)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=6.5)
    axes.set_yticks(range(len(rows)), rows, fontsize=6.5)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
        label.set_color(INK)
    axes.set_xlabel("named")
    axes.set_ylabel("right")
