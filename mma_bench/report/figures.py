"""The figures: accuracy with its intervals, and what answers follow when the streams disagree."""

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.atomic import atomic_path, write_text
from mma_bench.evaluation.scores import Cell
from mma_bench.report.facts import Reference
from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables import cell_of
from mma_bench.schema import Modality

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue and orange stay apart in all common kinds of colour blindness.
INK, MUTED, RULE, PAPER = "#1c2430", "#5f6b7a", "#dfe3e8", "#ffffff"
VISUAL, AUDIO, OTHER, UNCLEAR, ON_MARK = "#0b6fb8", "#d9730d", "#98a3af", "#d5dae0", "#fefefe"
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    PAPER: "paper",
    VISUAL: "visual",
    AUDIO: "audio",
    OTHER: "other",
    UNCLEAR: "unclear",
    ON_MARK: "on-mark",
}
_COLOURS = {Modality.VISUAL: VISUAL, Modality.AUDIO: AUDIO}
_MARKERS = {Modality.VISUAL: "o", Modality.AUDIO: "s"}
_PANEL_WIDTH = 3.75  # inches: 360 CSS pixels, a phone's width, so that text is never scaled down
_COLUMNS = 3

Draw = Callable[["Axes", ScoredRun], None]


class Panels:
    """One kind of figure: a small panel for each run.

    Args:
        name: of the files.
        height: of a panel, inches.
        draw: draws one run.
        legend: what the colours and marks mean, as (text, colour, marker); a bar where there is no marker.
    """

    def __init__(self, name: str, height: float, draw: Draw, legend: Sequence[tuple[str, str, str | None]]) -> None:
        self.name = name
        self._height = height
        self._draw = draw
        self._legend = legend

    def inline(self, run: ScoredRun, prefix: str) -> str:
        """Return the panel of ``run`` as SVG for a page: its colours are the page's, and so is its font.

        Args:
            run: what to draw.
            prefix: unique in the page, because names of elements are.
        """
        with _style("none"):
            from matplotlib.figure import Figure

            figure = Figure(figsize=(_PANEL_WIDTH, self._height), layout="constrained")
            self._draw(figure.add_subplot(), run)
            return _for_page(_svg(figure, transparent=True), prefix)

    def export(self, runs: Sequence[ScoredRun], folder: Path) -> None:
        """Write all panels as one figure, `{name}.svg` and `{name}.png`, with a title over each and a legend."""
        with _style("path"):
            from matplotlib.figure import Figure
            from matplotlib.layout_engine import ConstrainedLayoutEngine

            columns = min(_COLUMNS, len(runs))
            rows = -(-len(runs) // columns)
            size = (columns * (_PANEL_WIDTH + 0.2), rows * (self._height + 0.5) + 0.4)
            figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
            for place, run in enumerate(runs, start=1):
                axes = figure.add_subplot(rows, columns, place)
                self._draw(axes, run)
                name = run.label if len(run.label) <= 40 else f"{run.label[:39]}…"
                axes.set_title(name, loc="left", fontsize=9.5, fontweight="bold", parse_math=False)
            handles = [_legend_handle(*entry) for entry in self._legend]
            figure.legend(
                handles=handles,
                loc="outside lower center",
                ncols=len(handles) if columns > 1 else 1,
                frameon=False,
                fontsize=8,
            )
            write_text(folder / f"{self.name}.svg", _svg(figure, transparent=False))
            with atomic_path(folder / f"{self.name}.png") as temporary:
                figure.savefig(temporary, dpi=200, metadata={"Software": None})


def accuracy_panels(columns: Sequence[Reference]) -> Panels:
    """Return the figure of accuracies: a dot with its interval for each condition and modality."""
    conditions = list(dict.fromkeys(column.condition for column in columns))

    def draw(axes: "Axes", run: ScoredRun) -> None:
        for line in range(1, len(conditions)):
            axes.axhline(line - 0.5, color=RULE, linewidth=0.6)
        for column in columns:
            y = conditions.index(column.condition) + (-0.19 if column.modality is Modality.VISUAL else 0.19)
            axes.vlines(100 * column.chance, y - 0.19, y + 0.19, color=MUTED, linewidth=0.9, linestyle=(0, (2, 1.5)))
            axes.vlines(100 * column.majority, y - 0.19, y + 0.19, color=OTHER, linewidth=1.6)
            if cell := cell_of(run, column):
                _draw_estimate(axes, cell, y)
        axes.set_xlim(-3, 103)
        axes.set_ylim(len(conditions) - 0.45, -0.55)
        axes.set_yticks(range(len(conditions)), [name.replace("_", " ") for name in conditions])
        axes.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100 %"])
        axes.grid(axis="x", color=RULE, linewidth=0.6)

    legend: list[tuple[str, str, str | None]] = [
        ("asked about the picture", VISUAL, "o"),
        ("asked about the sound", AUDIO, "s"),
        ("chance", MUTED, ":"),
        ("majority class", OTHER, "-"),
    ]
    if not all(column.answerable for column in columns):
        legend.append(("hollow: removed, lower is better", MUTED, "hollow"))
    return Panels("accuracy", 0.42 * len(conditions) + 0.35, draw, legend)


def _draw_estimate(axes: "Axes", cell: Cell, y: float) -> None:
    colour = _COLOURS[cell.modality]
    axes.hlines(y, 100 * cell.accuracy_low, 100 * cell.accuracy_high, color=colour, linewidth=1.3, zorder=3)
    axes.plot(
        100 * cell.accuracy,
        y,
        marker=_MARKERS[cell.modality],
        markersize=5.5,
        markerfacecolor=colour if cell.answerable else PAPER,
        markeredgecolor=colour,
        markeredgewidth=1.3,
        linestyle="none",
        clip_on=False,
        zorder=4,
    )


CONFLICT = "misaligned"
FOLLOWED = (
    ("the class seen", VISUAL),
    ("the class heard", AUDIO),
    ("another class", OTHER),
    ("no single class", UNCLEAR),
)
"""What an answer about conflicting streams can follow, and its colour."""


def following_panels() -> Panels:
    """Return the figure of what answers follow under the condition `misaligned`: a stacked bar a modality."""

    def draw(axes: "Axes", run: ScoredRun) -> None:
        cells = [cell for cell in run.scores.cells if cell.condition == CONFLICT]
        for y, cell in enumerate(cells):
            left = 0.0
            for share, (_, colour) in zip(followed_shares(cell), FOLLOWED, strict=True):
                axes.barh(y, 100 * share, 0.66, left=left, color=colour, edgecolor=PAPER, linewidth=0.8)
                if share >= 0.08:
                    text = f"{100 * share:.0f}"
                    tint = ON_MARK if colour in (VISUAL, AUDIO) else INK
                    axes.text(left + 50 * share, y, text, ha="center", va="center", color=tint, fontsize=8.5)
                left += 100 * share
        axes.set_xlim(-0.5, 103)
        axes.set_ylim(max(len(cells), 1) - 0.5, -0.5)
        axes.set_yticks(range(len(cells)), [f"asked about\nthe {_SENSE[cell.modality]}" for cell in cells])
        axes.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100 %"])

    return Panels("follows", 1.35, draw, [(text, colour, None) for text, colour in FOLLOWED])


_SENSE = {Modality.VISUAL: "picture", Modality.AUDIO: "sound"}


def followed_shares(cell: Cell) -> tuple[float, float, float, float]:
    """Return the shares of answers that name the class seen, the class heard, another class, or no single one."""
    unclear = cell.abstention_rate + cell.several_rate + cell.unparsed_rate
    other = max(0.0, 1 - cell.accuracy - cell.distraction_rate - unclear)
    visual = cell.modality is Modality.VISUAL
    seen, heard = (cell.accuracy, cell.distraction_rate) if visual else (cell.distraction_rate, cell.accuracy)
    return seen, heard, other, unclear


@contextmanager
def _style(fonttype: str) -> Iterator[None]:
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "svg.fonttype": fonttype,
        "svg.hashsalt": "mma-bench",  # names of elements are hashes: a fixed salt gives the same bytes again
        "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
        "font.size": 8.5,
        "text.color": INK,
        "axes.edgecolor": RULE,
        "axes.axisbelow": True,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.spines.bottom": False,
        "xtick.color": MUTED,
        "ytick.color": INK,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.labelsize": 8,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A model's name may be in a script that the font lacks: boxes in a title are no reason for a warning.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _svg(figure: "Figure", *, transparent: bool) -> str:
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None}, transparent=transparent)
    return target.getvalue()


def _for_page(svg: str, prefix: str) -> str:
    """Return ``svg`` without its XML head, its names made unique and its colours the page's variables."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg


def _legend_handle(text: str, colour: str, marker: str | None) -> "Artist":
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if marker is None:
        return Patch(facecolor=colour, label=text)
    if marker in (":", "-"):
        return Line2D([], [], color=colour, linestyle=":" if marker == ":" else "-", linewidth=1.4, label=text)
    hollow = marker == "hollow"
    return Line2D(
        [],
        [],
        marker="o" if hollow else marker,
        color=colour,
        markerfacecolor=PAPER if hollow else colour,
        linewidth=0 if hollow else 1.3,
        label=text,
    )
