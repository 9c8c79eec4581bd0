"""How the figures of a diagnosis are drawn: lines over layers with their intervals, and heat maps."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from mma_bench.counted import counted
from mma_bench.diagnosis.numbers import Number
from mma_bench.diagnosis.token_map import Group
from mma_bench.drawing.panels import Panel, left_of
from mma_bench.drawing.style import AUDIO, INK, LOST, MUTED, ON_MARK, OTHER, RULE, TEXT, VISUAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS: dict[str, str] = {
    Group.VIDEO: VISUAL,
    Group.AUDIO: AUDIO,
    Group.QUESTION: TEXT,
    Group.OPTION: LOST,
    Group.CAPTION: INK,
    Group.UNRELATED: OTHER,
    Group.TEMPLATE: MUTED,
}
"""The colour of each group of tokens."""

Dashes = Literal["-", "--", ":"]


@dataclass(frozen=True)
class Line:
    """A line over layers.

    Attributes:
        colour: its colour.
        numbers: a number for each layer.
        dashes: how it is drawn.
        banded: whether its intervals are drawn.
    """

    colour: str
    numbers: Sequence[Number]
    dashes: Dashes = "-"
    banded: bool = True


@dataclass(frozen=True)
class Level:
    """A horizontal line.

    Attributes:
        value: where it is.
        name: written on it, or nothing.
        below: whether the name is below the line.
    """

    value: float
    name: str = ""
    below: bool = False


def line_panel(
    title: str,
    lines: Sequence[Line],
    axis: str,
    description: str,
    *,
    levels: Sequence[Level] = (),
    layers: int = 0,
    limits: tuple[float, float] | None = None,
) -> Panel:
    """Return a panel with a line for each series of numbers, over layers counted from 0.

    Args:
        title: above it.
        lines: the lines.
        axis: what the numbers are.
        description: for screen readers.
        levels: horizontal lines.
        layers: number of layers of the model.
        limits: of the vertical axis, to compare panels; by default what the lines need.
    """
    draw = partial(_draw_lines, lines=lines, axis=axis, levels=levels, layers=layers, limits=limits)
    return Panel(title, draw, 2.3, description, left=0.55)


def _draw_lines(
    axes: "Axes",
    lines: Sequence[Line],
    axis: str,
    levels: Sequence[Level],
    layers: int,
    limits: tuple[float, float] | None,
) -> None:
    for level in levels:
        axes.axhline(
            level.value, color=MUTED if level.name else RULE, linewidth=0.9, linestyle=":" if level.name else "-"
        )
        if level.name:
            across = axes.get_yaxis_transform()
            side = "top" if level.below else "bottom"
            axes.text(0.99, level.value, level.name, transform=across, fontsize=7, color=MUTED, ha="right", va=side)
    for line in lines:
        numbers = sorted(line.numbers, key=lambda number: number.layer)
        places = [number.layer for number in numbers]
        few = len(places) < 16
        axes.plot(
            places, [number.value for number in numbers], color=line.colour, linestyle=line.dashes, linewidth=1.4,
            marker="o" if few else None, markersize=3.2, zorder=3,
        )  # fmt: skip
        if line.banded:
            low, high = ([getattr(number, bound) for number in numbers] for bound in ("low", "high"))
            axes.fill_between(places, low, high, color=line.colour, alpha=0.16, linewidth=0)
    _layer_axis(axes, layers or max((number.layer + 1 for line in lines for number in line.numbers), default=1))
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.set_ylabel(axis)
    if limits:
        axes.set_ylim(*limits)


def common_limits(numbers: Sequence[Number]) -> tuple[float, float] | None:
    """Return the limits of an axis that shows all numbers with their intervals; none if there are none."""
    shown = [bound for number in numbers for bound in (number.value, number.low, number.high) if not math.isnan(bound)]
    if not shown:
        return None
    low, high = min(*shown, 0.0), max(*shown, 0.0)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _layer_axis(axes: "Axes", layers: int) -> None:
    step = max(1, math.ceil(layers / 8))
    axes.set_xlim(-0.4, layers - 0.6)
    axes.set_xticks(list(range(0, layers, step)))
    axes.set_xlabel("layer")


def heat_panel(
    title: str,
    names: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    axis: str,
    description: str,
    *,
    largest: float | None = None,
) -> Panel:
    """Return a heat map with numbers: a row for each name, a column for each layer or window.

    Args:
        title: above it.
        names: of the rows.
        columns: of the columns.
        values: shape [rows, columns]; NaN is left empty. Positive values are blue, negative ones orange.
        axis: what the columns are.
        description: for screen readers.
        largest: value of the full colour; by default the largest.
    """
    top = largest or max((abs(v) for row in values for v in row if not math.isnan(v)), default=1.0) or 1.0
    draw = partial(_draw_heat, names=names, columns=columns, values=values, axis=axis, top=top)
    return Panel(title, draw, 0.26 * max(len(names), 1) + 0.55, description, left=left_of(names))


def _draw_heat(
    axes: "Axes",
    names: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    axis: str,
    top: float,
) -> None:
    from matplotlib.patches import Rectangle

    for row, line in enumerate(values):
        for column, value in enumerate(line):
            if math.isnan(value):
                continue
            shade = min(1.0, abs(value) / top)
            axes.add_patch(
                Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, color=AUDIO if value < 0 else VISUAL, alpha=shade,
                          linewidth=0)
            )  # fmt: skip
            if len(columns) <= 9:
                shown = f"{value:.1f}" if abs(value) >= 0.995 else f"{value:.2f}".replace("0.", ".", 1)
                shown = ".00" if shown == "-.00" else shown
                axes.text(column, row, shown, ha="center", va="center", fontsize=6.8,
                          color=ON_MARK if shade > 0.55 else INK)  # fmt: skip
    axes.set_xlim(-0.55, len(columns) - 0.45)
    axes.set_ylim(max(len(names), 1) - 0.45, -0.55)
    axes.set_yticks(range(len(names)), list(names))
    step = max(1, math.ceil(len(columns) / 9))
    axes.set_xticks(range(0, len(columns), step), list(columns)[::step])
    axes.set_xlabel(axis)


def clips_of(numbers: Iterable[Number]) -> str:
    """Return how many clips ``numbers`` are about, in words."""
    return counted(max(number.clips for number in numbers), "clip")


def question_words(modality: str) -> str:
    """Return `visual question` or `audio question`."""
    return f"{modality} question"


def in_order(values: Sequence[str]) -> list[str]:
    """Return different values in the order of their first appearance."""
    return list(dict.fromkeys(values))
