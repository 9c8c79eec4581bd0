"""The reliance triangle: which of visual, audio and text a model's answers follow when they disagree."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import AUDIO, INK, MUTED, ON_MARK, OTHER, RULE, TEXT, VISUAL, short
from mma_bench.evaluation.analyses.registry import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mma_bench.evaluation.analyses.reliance import Reliance

_Point = tuple[int, Series["Reliance"], "Reliance"]
"""Number in the legend, run, and its index over all conflicts."""

_HEIGHT = float(np.sqrt(3) / 2)
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, _HEIGHT]])  # visual, audio, text
_CLOSE = 0.055  # of the side: marks nearer than that would hide each other's numbers


def triangle_figure(runs: Sequence[Series["Reliance"]]) -> Plot | None:
    """Return the triangle with a point for each run, or none if fewer than two modalities are followed."""
    points = [(number, run, entry) for number, run in enumerate(runs, start=1) if (entry := _overall(run.rows))]
    points = [point for point in points if _followed(point[2]) > 0]
    if not points:
        return None
    named = (
        "all conflict conditions, each with the same weight"
        if points[0][2].condition == "all"
        else points[0][2].condition
    )
    return Plot(
        name="reliance",
        title="Reliance triangle",
        text="A point shows what a model's answers follow when the modalities disagree. In the middle, all three are "
        "followed equally. Where two modalities agree against the third, as with a wrong caption on aligned media, an "
        "answer counts half for each, so a model that always follows one modality is near its corner, not in it.",
        caption=f"Of the answers under {named} that follow a modality, the share that follows each; the share of "
        "answers that follow none is after each name, n and 95% intervals are in the table of reliance. Corners are "
        "100%, each line is 25%.",
        panels=[
            Panel(
                "visual, audio or text",
                partial(_draw, points=points),
                3.45,
                "Triangle of reliance on visual, audio and text; the table of reliance has the numbers",
                below=0.06,
            )
        ],
        legend=[
            Mark(
                f"{number}  {short(run.label)} (none: {100 * entry.neither.value:.0f}%)",
                OTHER if run.is_baseline else INK,
                "circle",
            )
            for number, run, entry in points
        ],
    )


def _overall(rows: Sequence["Reliance"]) -> "Reliance | None":
    """Return the index over both questions and all conflict conditions, or over the only one."""
    both = [entry for entry in rows if entry.modality is None]
    return both[-1] if both else None


def _followed(entry: "Reliance") -> float:
    return entry.visual.value + entry.audio.value + entry.text.value


def _draw(axes: "Axes", points: Sequence[_Point]) -> None:
    axes.set_aspect("equal")
    axes.axis("off")
    axes.fill(*_CORNERS.T, facecolor="none", edgecolor=MUTED, linewidth=1.0)
    for step in (0.25, 0.5, 0.75):
        for corner in range(3):
            others = _CORNERS[[i for i in range(3) if i != corner]]
            ends = step * _CORNERS[corner] + (1 - step) * others
            axes.plot(*ends.T, color=RULE, linewidth=0.7, zorder=0)
    for corner, (name, colour) in enumerate((("visual", VISUAL), ("audio", AUDIO), ("text", TEXT))):
        x, y = _CORNERS[corner]
        axes.text(x, y + (0.03 if corner == 2 else -0.04), name, color=colour, ha="center",
                  va="bottom" if corner == 2 else "top", fontsize=10)  # fmt: skip
    for numbers, x, y, is_baseline in _grouped(points):
        axes.plot(x, y, marker="o", markersize=13, color=OTHER if is_baseline else INK, clip_on=False, zorder=3)
        text = ",".join(map(str, numbers))
        if len(numbers) == 1:
            tint = INK if is_baseline else ON_MARK
            axes.text(x, y, text, color=tint, ha="center", va="center", fontsize=7.5, zorder=4)
        else:
            axes.annotate(text, (x, y), (9, 4), textcoords="offset points", fontsize=7.5, zorder=4)
    axes.set_xlim(-0.12, 1.12)
    axes.set_ylim(-0.12, _HEIGHT + 0.1)


def _grouped(points: Sequence[_Point]) -> list[tuple[list[int], float, float, bool]]:
    """Return where to draw a mark (numbers of all runs at that place, x, y), and whether it is a baseline's."""
    groups: list[tuple[list[int], float, float, bool]] = []
    for number, run, entry in points:
        shares = np.array([entry.visual.value, entry.audio.value, entry.text.value]) / _followed(entry)
        x, y = (float(value) for value in shares @ _CORNERS)
        for numbers, other_x, other_y, _ in groups:
            if np.hypot(x - other_x, y - other_y) < _CLOSE:
                numbers.append(number)
                break
        else:
            groups.append(([number], x, y, run.is_baseline))
    return groups
