"""Bars of percent below the name of what they are about: wide enough to read on a phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.drawing.style import INK, MUTED, ON_MARK, PAPER, RULE, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_INCHES = 0.62
_AXIS_INCHES = 0.5
_TOP, _BOTTOM = 0.0, 0.36  # of a bar, in rows below the row's place
_NARROWEST = 0.085


@dataclass(frozen=True)
class Part:
    """A part of a bar; ``share`` from 0 to 1."""

    share: float
    colour: str
    hatched: bool = False
    light: bool = False


@dataclass(frozen=True)
class Whisker:
    """An interval from 0 to 1, above or below a bar."""

    value: float
    low: float
    high: float
    above: bool


@dataclass(frozen=True)
class Bar:
    """A bar with a name above it on the left and a note on the right."""

    name: str
    note: str
    parts: Sequence[Part]
    whiskers: Sequence[Whisker] = ()


def bars_height(bars: Sequence[Bar]) -> float:
    """Return how many inches `draw_bars` needs."""
    return max(len(bars), 1) * ROW_INCHES + _AXIS_INCHES


def draw_bars(axes: "Axes", bars: Sequence[Bar], label: str) -> None:
    """Draw ``bars`` from top to bottom over an axis of percent."""
    for row, bar in enumerate(bars):
        axes.text(0, row - 0.17, short(bar.name), fontsize=8, color=INK, va="bottom", parse_math=False)
        axes.text(100, row - 0.17, bar.note, fontsize=7.5, color=MUTED, va="bottom", ha="right", parse_math=False)
        left = 0.0
        for part in bar.parts:
            _draw_part(axes, row, left, part)
            left += 100 * part.share
        for whisker in bar.whiskers:
            y = row + (_TOP - 0.07 if whisker.above else _BOTTOM + 0.07)
            axes.hlines(y, 100 * whisker.low, 100 * whisker.high, color=INK, linewidth=1.2, zorder=4, clip_on=False)
            axes.plot(
                100 * whisker.value,
                y,
                marker="v" if whisker.above else "^",
                color=INK,
                markersize=4.5,
                clip_on=False,
                zorder=5,
            )
    axes.set_yticks([])
    axes.set_ylim(max(len(bars), 1) - 0.42, -0.52)
    axes.set_xlim(-0.5, 100.5)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_xlabel(label)


def _draw_part(axes: "Axes", row: int, left: float, part: Part) -> None:
    if part.share <= 0:
        return
    width, middle = 100 * part.share, row + (_TOP + _BOTTOM) / 2
    face = PAPER if part.hatched else part.colour
    axes.barh(middle, width, _BOTTOM - _TOP, left=left, color=face, edgecolor=part.colour if part.hatched else PAPER,
              hatch="/////" if part.hatched else None, linewidth=0.8)  # fmt: skip
    if part.share < _NARROWEST:
        return
    box = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8} if part.hatched else None
    tint = INK if part.hatched or part.light else ON_MARK
    axes.text(
        left + width / 2, middle, f"{width:.0f}", ha="center", va="center", color=tint, fontsize=8.5, bbox=box, zorder=3
    )
