"""The plots of the card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mma_bench.atomic import atomic_path
from mma_bench.layout import class_counts
from mma_bench.schema import Clip

COMPOSITION = "figures/composition.png"
_MOST_CLASSES = 60  # more bars than that cannot be told apart


def plot_composition(path: Path, clips: Sequence[Clip], funnel: Sequence[dict[str, Any]]) -> None:
    """Draw the clips of each class and the clips that each stage kept; same numbers, same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    classes = sorted(class_counts(clips), key=lambda row: (-row[1], row[0]))[:_MOST_CLASSES]
    names = [name for name, _, _ in classes]
    figure = Figure(figsize=(9, max(3.0, 1.2 + 0.22 * len(classes))), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    places = range(len(names))
    left.barh([i - 0.2 for i in places], [seen for _, seen, _ in classes], 0.4, color="#0072b2", label="show it")
    left.barh([i + 0.2 for i in places], [heard for *_, heard in classes], 0.4, color="#d55e00", label="sound like it")
    left.set_yticks(places, names, fontsize=8, parse_math=False)
    left.invert_yaxis()
    left.set_xlabel("clips")
    left.legend(frameon=False, fontsize=8)
    left.set_title("Classes", fontsize=10)
    stages = [stage["stage"] for stage in funnel]
    bars = right.barh(stages, [stage["kept"] for stage in funnel], color="#009e73")
    right.bar_label(bars, padding=2, fontsize=8)
    right.tick_params(axis="y", labelsize=8)
    right.invert_yaxis()
    right.set_xlabel("clips kept")
    right.set_title("Funnel", fontsize=10)
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
