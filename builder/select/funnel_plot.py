"""The geometry of the funnel plot; the page's template draws it as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.select.label_filter import MEANINGS, Reason
from builder.select.summary import Summary

BAR_HEIGHT, LINE_HEIGHT = 34, 24
FUNNEL_WIDTH, LOSS_WIDTH = 410, 110
"""Of 960 units; the text begins at 440."""

_STEPS: Sequence[tuple[str, tuple[Reason, ...]]] = (
    ("could be read, once", (Reason.BAD_ROW, Reason.DUPLICATE)),
    (
        "have a label in a class",
        (Reason.NO_CLASS, Reason.ACTION_LESS, Reason.AMBIGUOUS, Reason.RESTRICTED, Reason.EXCLUDED_NODE),
    ),
    ("in one class only", (Reason.SEVERAL_CLASSES,)),
    ("and nothing else: candidates", (Reason.OTHER_SOUND,)),
)


@dataclass(frozen=True)
class Bar:
    """One width of the funnel: the remaining clips."""

    text: str
    count: int
    share: str
    left: float
    top: float
    width: float


@dataclass(frozen=True)
class Loss:
    """One reason why clips leave the funnel."""

    reason: str
    text: str
    count: int
    top: float
    width: float


@dataclass(frozen=True)
class FunnelPlot:
    """The plot, in SVG units."""

    height: float
    bars: tuple[Bar, ...]
    slopes: tuple[str, ...]
    losses: tuple[Loss, ...]


def draw_funnel(summary: Summary) -> FunnelPlot:
    """Lay out the funnel: a bar for the rest after each step, with the losses next to the slope between bars."""
    total = max(summary.rows, 1)
    bars = [_bar("segments in the lists", summary.rows, total, 0.0)]
    losses: list[Loss] = []
    slopes: list[str] = []
    left, top = summary.rows, float(BAR_HEIGHT)
    for text, reasons in _STEPS:
        found = [reason for reason in reasons if summary.dropped.get(reason.value)]
        if not found:
            continue
        gap = max(2, len(found)) * LINE_HEIGHT + 8
        for at, reason in enumerate(found):
            count = summary.dropped[reason.value]
            line = top + 4 + at * LINE_HEIGHT + (gap - 8 - len(found) * LINE_HEIGHT) / 2
            losses.append(Loss(reason.value, MEANINGS[reason], count, line, count / total * LOSS_WIDTH))
            left -= count
        bars.append(_bar(text, left, total, top + gap))
        slopes.append(_slope(bars[-2], bars[-1]))
        top += gap + BAR_HEIGHT
    return FunnelPlot(top, tuple(bars), tuple(slopes), tuple(losses))


def _bar(text: str, count: int, total: int, top: float) -> Bar:
    width = max(count / total * FUNNEL_WIDTH, 2.0)
    return Bar(text, count, f"{count / total:.1%}", (FUNNEL_WIDTH - width) / 2, top, width)


def _slope(above: Bar, below: Bar) -> str:
    top, bottom = above.top + BAR_HEIGHT, below.top
    corners = [
        (above.left, top),
        (above.left + above.width, top),
        (below.left + below.width, bottom),
        (below.left, bottom),
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
