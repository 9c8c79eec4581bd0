"""Cannot see, or does not look? What is lost under conflict, split into missing competence and interference."""

from collections.abc import Sequence
from functools import partial

from mma_bench.evaluation.analyses import CompetenceSplit, Estimate
from mma_bench.report.average import AVERAGE_WORDS, average_of
from mma_bench.drawing.bars import Bar, Part, Whisker, bars_height, draw_bars
from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import AUDIO, COLOURS, INK, LOST, SENSES, UNCLEAR, VISUAL
from mma_bench.report.runs import ScoredRun
from mma_bench.schema import Modality

CONFLICT = "misaligned"
TITLE = "Cannot see, or does not look?"


def competence_plot(runs: Sequence[ScoredRun]) -> Plot | None:
    """Return a panel for each modality with a bar for each run, or none if no run answered what it takes."""
    panels, pairs = [], set()
    for modality in Modality:
        splits = [(run.label, split) for run in runs if (split := conflict_split(run, modality))]
        pairs |= {split.pairs for _, split in splits}
        if not splits:
            continue
        bars = [_bar(label, split) for label, split in splits]
        panels.append(
            Panel(
                f"asked about the {SENSES[modality]}",
                partial(draw_bars, bars=bars, label="questions, %"),
                bars_height(bars),
                f"For each model, questions about the {SENSES[modality]} under conflict: right, lost to interference, "
                "and not known even with the other sense removed; the table below has the numbers",
            )
        )
    if not panels:
        return None
    counted = f"{min(pairs):,}" if len(pairs) == 1 else f"{min(pairs):,} to {max(pairs):,}"
    return Plot(
        name="competence",
        title=TITLE,
        text="The ceiling is a model's accuracy with the other sense removed: what it can see or hear at all. What is "
        "missing above it is competence the model lacks. What it loses below it when the other sense disagrees is "
        "interference: it knows, and does not look.",
        caption=f"Share of questions under {CONFLICT}, paired by clip with the same question asked with one sense, "
        f"{AVERAGE_WORDS[average_of(runs[0])]}, "
        f"n = {counted} pairs a bar. Above each bar: the ceiling, below it: the accuracy under conflict, with "
        "95% intervals (Wilson, effective sample size over clips); on the right: interference in percentage points "
        "with its "
        "95% interval (Bonett and Price).",
        panels=panels,
        legend=[
            Mark("right under conflict: the picture", VISUAL),
            Mark("the sound", AUDIO),
            Mark("interference: does not look", LOST, "hatched"),
            Mark("lacking competence: cannot see", UNCLEAR),
            Mark("▾ ceiling, ▴ accuracy, 95%", INK, "line"),
        ],
    )


def conflict_split(run: ScoredRun, modality: Modality) -> CompetenceSplit | None:
    """Return the split of ``run`` under misaligned streams, if it answered what that takes."""
    for split in run.analysis.competence:
        if split.condition == CONFLICT and split.modality is modality:
            return split
    return None


def _bar(label: str, split: CompetenceSplit) -> Bar:
    ceiling, accuracy = split.ceiling.value, split.accuracy.value
    lost = max(0.0, ceiling - accuracy)
    interference = split.interference
    points = [_points(value) for value in (interference.value, interference.low, interference.high)]
    return Bar(
        label,
        f"interference {points[0]} [{points[1]} to {points[2]}]",
        [
            Part(accuracy, COLOURS[split.modality]),
            Part(lost, LOST, hatched=True),
            Part(1 - accuracy - lost, UNCLEAR, light=True),
        ],
        [_whisker(split.ceiling, above=True), _whisker(split.accuracy, above=False)],
    )


def _points(value: float) -> str:
    """Return percentage points as they are printed, with a minus sign and never as minus zero."""
    return f"{100 * value:.0f}".replace("-0", "0").replace("-", "−")


def _whisker(estimate: Estimate, *, above: bool) -> Whisker:
    return Whisker(estimate.value, estimate.low, estimate.high, above)
