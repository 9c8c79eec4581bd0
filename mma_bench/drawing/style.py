"""How all figures look: one palette, one font, and the same bytes from the same data."""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.files.atomic import write_bytes
from mma_bench.schema import Modality

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue, orange and green of Okabe and Ito's palette, darkened for contrast on white: they stay apart in all common
# kinds of colour blindness. What must be told apart without colour also has its own hatch or marker.
INK, MUTED, RULE, PAPER = "#1c2430", "#5f6b7a", "#dfe3e8", "#ffffff"
VISUAL, AUDIO, TEXT = "#0b6fb8", "#d9730d", "#00856b"
OTHER, UNCLEAR, ON_MARK, LOST = "#98a3af", "#d5dae0", "#fefefe", "#7a3b8f"
VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    RULE: "rule",
    PAPER: "paper",
    VISUAL: "visual",
    AUDIO: "audio",
    TEXT: "text",
    OTHER: "other",
    UNCLEAR: "unclear",
    ON_MARK: "on-mark",
    LOST: "lost",
}
"""The page's name for each colour: there it changes with light and dark."""

COLOURS = {Modality.VISUAL: VISUAL, Modality.AUDIO: AUDIO}
MARKERS = {Modality.VISUAL: "o", Modality.AUDIO: "s"}
CONTENT = {Modality.VISUAL: "visual content", Modality.AUDIO: "audio content"}
"""What a question asks about, in titles and legends."""
_LONGEST_NAME = 30


@contextmanager
def style(svg_text: str) -> Iterator[None]:
    """Set the looks while a figure is drawn.

    Args:
        svg_text: ``none`` writes text as text, for a page; ``path`` as outlines.
    """
    import matplotlib as mpl

    settings: dict[Any, Any] = {
        "svg.fonttype": svg_text,
        "svg.hashsalt": "mma-bench",  # names of elements are hashes: a fixed salt gives the same bytes again
        "pdf.fonttype": 42,  # text stays text; journals refuse the other type
        "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
        "font.size": 8.5,
        "hatch.linewidth": 0.7,
        "text.color": INK,
        "axes.edgecolor": RULE,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 8,
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
        "ytick.labelsize": 8,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A model's name may be in a script that the font lacks: boxes in a title are no reason for a warning.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def short(name: str) -> str:
    """Return ``name`` cut to what fits next to a plot."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def name_rows(axes: "Axes", names: Sequence[str]) -> None:
    """Label the rows 0, 1, 2 ... of a plot, the first on top; a dollar sign in a name is a dollar sign."""
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.set_ylim(max(len(names), 1) - 0.45, -0.55)


def percent_axis(axes: "Axes", label: str) -> None:
    """Make the horizontal axis one of percent, from 0 to 100."""
    axes.set_xlim(-3, 103)
    axes.set_xticks([0, 25, 50, 75, 100], ["0", "25", "50", "75", "100"])
    axes.set_xlabel(label)
    axes.grid(axis="x", color=RULE, linewidth=0.6)


def svg_for_page(figure: "Figure", prefix: str) -> str:
    """Return a figure as SVG for a page: its colours are the page's, its names begin with ``prefix``."""
    target = io.StringIO()
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
    for colour, name in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg


def write_figure(figure: "Figure", folder: Path, name: str) -> None:
    """Write a figure as `{name}.pdf` and `{name}.png`, without dates or versions in them."""
    nothing = {"CreationDate": None, "Creator": None, "Producer": None}
    write_bytes(folder / f"{name}.pdf", figure_bytes(figure, format="pdf", metadata=nothing))
    write_bytes(folder / f"{name}.png", figure_bytes(figure, format="png", dpi=200, metadata={"Software": None}))


def figure_bytes(figure: "Figure", **options: Any) -> bytes:
    """Return a figure as a file's bytes: matplotlib itself hides a full disk behind another error."""
    target = io.BytesIO()
    figure.savefig(target, **options)
    return target.getvalue()
