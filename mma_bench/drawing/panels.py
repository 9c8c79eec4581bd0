"""A figure of the report: panels side by side, on the page and as files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mma_bench.drawing.style import INK, PAPER, VARIABLES, style, svg_for_page, write_figure

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

PANEL_WIDTH = 3.75
"""Inches: 360 CSS pixels, a phone's width, so that text is never scaled down."""

_COLUMNS = 3
_TITLE_INCHES, _LEGEND_INCHES, _GAP = 0.42, 0.2, 0.15
_MARK_INCHES = 2.4  # of an entry in the legend
_ABOVE, _RIGHT = 0.06, 0.12

Shape = Literal["bar", "hatched", "circle", "square", "diamond", "hollow", "line", "dashed", "dotted"]
_MARKER = {"circle": "o", "square": "s", "diamond": "D", "hollow": "o"}
_LINE: dict[str, Literal["-", "--", ":"]] = {"line": "-", "dashed": "--", "dotted": ":"}


@dataclass(frozen=True)
class Mark:
    """One entry of a legend."""

    text: str
    colour: str
    shape: Shape = "bar"

    @property
    def variable(self) -> str:
        """The page's name for the colour."""
        return VARIABLES[self.colour]


@dataclass(frozen=True)
class Panel:
    """One part of a figure.

    Attributes:
        title: above it.
        draw: draws it.
        height: inches.
        description: what it shows, for screen readers.
        left: inches for what is to the left of the axes.
        below: inches for what is below them.
        width: inches.
    """

    title: str
    draw: Callable[["Axes"], None]
    height: float
    description: str
    left: float = 0.12
    below: float = 0.42
    width: float = PANEL_WIDTH

    def place(self, x: float, y: float, size: tuple[float, float]) -> tuple[float, float, float, float]:
        """Return where the axes are in a figure, as shares of its size.

        Margins are given and not measured: matplotlib's layout engines took half of a report's time.

        Args:
            x: left edge of the panel in the figure, inches.
            y: lower edge, inches.
            size: of the figure, inches.
        """
        wide, high = size
        width, height = self.width - self.left - _RIGHT, self.height - self.below - _ABOVE
        return (x + self.left) / wide, (y + self.below) / high, width / wide, height / high


def left_of(names: Sequence[str], size: float = 8) -> float:
    """Return the inches that the longest of ``names`` takes next to the axes, at ``size`` points."""
    return 0.12 + max((len(name) for name in names), default=0) * size * 0.0088


@dataclass(frozen=True)
class Plot:
    """A figure.

    Attributes:
        name: of its files and of its place in the page.
        title: heading.
        text: what question it answers and how to read it.
        caption: what is counted, how many, which interval.
        panels: its parts.
        legend: what colours and marks mean.
    """

    name: str
    title: str
    text: str
    caption: str
    panels: Sequence[Panel]
    legend: Sequence[Mark]

    def inline(self) -> list[str]:
        """Return the panels as SVG for a page: colours are the page's, and so is the font."""
        from matplotlib.figure import Figure

        drawn = []
        with style("none"):
            for number, panel in enumerate(self.panels):
                size = (panel.width, panel.height)
                figure = Figure(figsize=size)
                panel.draw(figure.add_axes(panel.place(0, 0, size)))
                drawn.append(svg_for_page(figure, f"{self.name}-{number}"))
        return drawn

    def export(self, folder: Path) -> None:
        """Write all panels as one figure, PDF and PNG, with a title over each and a legend below."""
        from matplotlib.figure import Figure

        wide = len(self.panels) == 4 or any(panel.width > PANEL_WIDTH for panel in self.panels)
        columns = min(2 if wide else _COLUMNS, len(self.panels))
        lines = [self.panels[i : i + columns] for i in range(0, len(self.panels), columns)]
        heights = [max(panel.height for panel in line) + _TITLE_INCHES for line in lines]
        step = max(panel.width for panel in self.panels) + _GAP
        in_line = max(1, int(columns * step / _MARK_INCHES))
        legend = _LEGEND_INCHES * -(-len(self.legend) // in_line)
        size = (columns * step + _GAP, sum(heights) + legend + 0.1)
        with style("path"):
            figure = Figure(figsize=size)
            top = size[1]
            for line, height in zip(lines, heights, strict=True):
                for column, panel in enumerate(line):
                    x, y = _GAP + column * step, top - _TITLE_INCHES - panel.height
                    axes = figure.add_axes(panel.place(x, y, size))
                    panel.draw(axes)
                    title = panel.title if len(panel.title) <= 44 else f"{panel.title[:43]}…"
                    figure.text(
                        (x + 0.12) / size[0], (y + panel.height + 0.1) / size[1], title, fontsize=10, parse_math=False
                    )
                top -= height
            if self.legend:
                handles = [_handle(mark) for mark in self.legend]
                anchor = (0.5, 0.05 / size[1])
                box = figure.legend(
                    handles=handles, loc="lower center", bbox_to_anchor=anchor, ncols=in_line, frameon=False, fontsize=8
                )
                for text in box.get_texts():
                    text.set_parse_math(False)
            write_figure(figure, folder, self.name)


def _handle(mark: Mark) -> "Artist":
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if mark.shape == "bar":
        return Patch(facecolor=mark.colour, label=mark.text)
    if mark.shape == "hatched":
        return Patch(facecolor=PAPER, edgecolor=mark.colour, hatch="/////", label=mark.text)
    if mark.shape in _LINE:
        return Line2D([], [], color=mark.colour, linestyle=_LINE[mark.shape], linewidth=1.4, label=mark.text)
    return Line2D(
        [],
        [],
        marker=_MARKER[mark.shape],
        color=mark.colour or INK,
        markerfacecolor=PAPER if mark.shape == "hollow" else mark.colour,
        linewidth=0 if mark.shape == "hollow" else 1.3,
        label=mark.text,
    )
