"""The plots of the card."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.dataset.composition import Composition
from mma_bench.drawing.style import figure_bytes
from mma_bench.files.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COMPOSITION = "figures/composition.png"
CONFLICTS = "figures/conflicts.png"
_MOST_CLASSES = 60  # more bars cannot be distinguished
_NUMBERED_CLASSES = 30  # more numbers cannot be read
_NAME_CHARACTERS = 40  # longer names are cut at the end


def plot_composition(path: Path, found: Composition, funnel: Sequence[dict[str, Any]]) -> None:
    """Draw the clips of each class and the clips that each stage kept; same numbers, same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    classes = sorted(found.classes(), key=lambda row: (-row[1], row[0]))[:_MOST_CLASSES]
    names = [name for name, _, _ in classes]
    # Given margins in inches, not measured ones: a layout engine draws everything two more times.
    before, tall = _inches(names), max(2.0, 0.2 + 0.22 * len(classes))
    figure = Figure(figsize=(before + 6.6, tall + 0.9))
    FigureCanvasAgg(figure)
    left, right = (_axes(figure, x, 0.55, wide, tall) for x, wide in ((before, 3.4), (before + 4.4, 1.8)))
    places = range(len(names))
    left.barh([i - 0.2 for i in places], [seen for _, seen, _ in classes], 0.4, color="#0072b2", label="show it")
    left.barh([i + 0.2 for i in places], [heard for *_, heard in classes], 0.4, color="#d55e00", label="sound like it")
    left.set_yticks(places, _short(names), fontsize=8, parse_math=False)
    left.invert_yaxis()
    left.set_xlabel("clips")
    left.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    left.set_title("Classes", fontsize=10, loc="left")
    stages = [stage["stage"] for stage in funnel]
    bars = right.barh(stages, [stage["kept"] for stage in funnel], color="#009e73")
    right.bar_label(bars, padding=2, fontsize=8)
    right.tick_params(axis="y", labelsize=8)
    right.invert_yaxis()
    right.set_xlabel("clips kept")
    right.set_title("Funnel", fontsize=10)
    for axes, ticks in ((left, 8), (right, 3)):
        axes.xaxis.set_major_locator(MaxNLocator(ticks, integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    _save(path, figure)


def plot_meetings(path: Path, meetings: Mapping[tuple[str, str], int], super_classes: Mapping[str, str]) -> None:
    """Draw how often the video of a class is combined with the audio of another; same numbers, same bytes.

    Args:
        path: the image.
        meetings: counts by (class of the video, class of the audio).
        super_classes: super-class of each class; classes of one super-class are adjacent, between lines.
    """
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    classes = sorted({name for pair in meetings for name in pair}, key=lambda n: (super_classes.get(n, ""), n))
    place = {name: i for i, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)))
    for (video, audio), count in meetings.items():
        counts[place[video], place[audio]] = count
    before, side = _inches(classes) + 0.25, max(2.0, 0.24 * len(classes))
    figure = Figure(figsize=(before + side + 1.2, before + side + 0.2))
    FigureCanvasAgg(figure)
    axes = _axes(figure, before, before, side, side)
    picture = axes.imshow(np.ma.masked_equal(counts, 0), cmap="viridis_r", vmin=0, vmax=counts.max())
    scale = _axes(figure, before + side + 0.2, before + 0.15 * side, 0.15, 0.7 * side)
    bar = figure.colorbar(picture, cax=scale, label="misaligned stimuli")
    bar.locator = MaxNLocator(integer=True)
    bar.update_ticks()
    axes.set_xticks(range(len(classes)), _short(classes), rotation=90, fontsize=8, parse_math=False)
    axes.set_yticks(range(len(classes)), _short(classes), fontsize=8, parse_math=False)
    axes.set_xlabel("class of the sound")
    axes.set_ylabel("class of the video")
    for i in range(1, len(classes)):
        if super_classes.get(classes[i]) != super_classes.get(classes[i - 1]):
            axes.axhline(i - 0.5, color="0.6", linewidth=0.8)
            axes.axvline(i - 0.5, color="0.6", linewidth=0.8)
    if len(classes) <= _NUMBERED_CLASSES:
        for (video, audio), count in meetings.items():
            shade = "white" if count > 0.55 * counts.max() else "black"
            axes.text(place[audio], place[video], str(count), ha="center", va="center", fontsize=7, color=shade)
    _save(path, figure)


def _short(names: Sequence[str]) -> list[str]:
    """Return ``names`` as they are drawn; the image would cut off the beginning of long ones."""
    return [name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…" for name in names]


def _inches(names: Sequence[str]) -> float:
    """Return how much space the names next to an axis take."""
    return 0.25 + 0.06 * min(_NAME_CHARACTERS, max(map(len, names), default=0))


def _axes(figure: "Figure", x: float, y: float, wide: float, tall: float) -> "Axes":
    """Return axes at a place in inches from the lower left."""
    width, height = figure.get_size_inches()
    return figure.add_axes((x / width, y / height, wide / width, tall / height))


def _save(path: Path, figure: "Figure") -> None:
    write_bytes(path, figure_bytes(figure, format="png", dpi=110, metadata={"Software": None}))
