"""What answers follow under conflict: a stacked bar for each model and asked modality."""

from collections.abc import Sequence
from functools import partial

from mma_bench.evaluation.analyses import Reliance
from mma_bench.drawing.bars import Bar, Part, bars_height, draw_bars
from mma_bench.report.figures.competence import CONFLICT
from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import AUDIO, SENSES, UNCLEAR, VISUAL
from mma_bench.report.runs import ScoredRun
from mma_bench.schema import Modality


def following_plot(runs: Sequence[ScoredRun]) -> Plot | None:
    """Return a panel for each asked modality, or none if no run answered about conflicting streams."""
    panels = []
    for modality in Modality:
        found = [(run.label, entry) for run in runs if (entry := _conflict(run, modality))]
        if not found:
            continue
        bars = [_bar(label, entry) for label, entry in found]
        panels.append(
            Panel(
                f"asked about the {SENSES[modality]}",
                partial(draw_bars, bars=bars, label="answers, %"),
                bars_height(bars),
                f"What each model's answers follow when asked about the {SENSES[modality]} and the streams disagree",
            )
        )
    if not panels:
        return None
    return Plot(
        name="follows",
        title="What answers follow",
        text=f"Under {CONFLICT}, picture and sound come from clips of different classes. A model that answers what it "
        "is asked names the class seen when asked about the picture, and the class heard when asked about the sound.",
        caption=f"Share of the answers under {CONFLICT}, n beside each bar; the table of reliance has 95% intervals.",
        panels=panels,
        legend=[
            Mark("the class seen", VISUAL),
            Mark("the class heard", AUDIO),
            Mark("neither: another class, several, none, abstained", UNCLEAR),
        ],
    )


def _conflict(run: ScoredRun, modality: Modality) -> Reliance | None:
    for entry in run.analysis.reliance:
        if entry.condition == CONFLICT and entry.modality is modality:
            return entry
    return None


def _bar(label: str, entry: Reliance) -> Bar:
    parts = [
        Part(entry.sight.value, VISUAL),
        Part(entry.sound.value, AUDIO),
        Part(entry.neither.value, UNCLEAR, light=True),
    ]
    return Bar(label, f"n = {entry.answers:,}", parts)
