"""Losses under conflict, split into missing competence and interference of the other modality."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mma_bench.drawing.bars import Bar, Part, Whisker, bars_height, draw_bars
from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import AUDIO, COLOURS, CONTENT, INK, LOST, UNCLEAR, VISUAL
from mma_bench.evaluation.analyses.pairs import pair
from mma_bench.evaluation.analyses.registry import Column, Series, analysis
from mma_bench.evaluation.analyses.table import CONFLICT, Flags, VerdictTable
from mma_bench.evaluation.statistics import AVERAGE_WORDS, Average, Estimate, average_difference, average_share
from mma_bench.schema import Modality

ONE_MODALITY = {Modality.VISUAL: "audio_removed", Modality.AUDIO: "frames_zeroed"}
"""The condition in which a modality is asked about alone: there accuracy is the ceiling of competence."""

TITLE = "Missing competence or interference?"


@dataclass(frozen=True)
class CompetenceSplit:
    """Where the accuracy of one condition and modality went, paired by clip.

    `1 - accuracy = lacking + interference`, and `interference = taken - given`. All shares are of the pairs, by the
    average that the protocol names.

    Attributes:
        condition: condition that interferes.
        modality: what was asked about.
        pairs: answers that have the same question answered with one modality.
        ceiling: accuracy with the other modality removed.
        accuracy: accuracy under the condition.
        lacking: `1 - ceiling`: what the model does not know even undisturbed.
        interference: `ceiling - accuracy`: what the other modality takes, net. Negative if it helps.
        taken: share right with one modality and wrong under the condition.
        given: share wrong with one modality and right under the condition.
        misled: share right with one modality that names the distractor under the condition: part of ``taken``.
    """

    condition: str
    modality: Modality
    pairs: int
    ceiling: Estimate
    accuracy: Estimate
    lacking: Estimate
    interference: Estimate
    taken: Estimate
    given: Estimate
    misled: Estimate


def conflict_split(splits: Sequence[CompetenceSplit], modality: Modality) -> CompetenceSplit | None:
    """Return the split of a run under misaligned streams, if it answered what that takes."""
    for split in splits:
        if split.condition == CONFLICT and split.modality is modality:
            return split
    return None


def competence_figure(runs: Sequence[Series[CompetenceSplit]]) -> Plot | None:
    """Return a panel for each modality with a bar for each run, or none if no run answered what it takes."""
    panels, pairs = [], set()
    for modality in Modality:
        splits = [(run.label, split) for run in runs if (split := conflict_split(run.rows, modality))]
        pairs |= {split.pairs for _, split in splits}
        if not splits:
            continue
        bars = [_bar(label, split) for label, split in splits]
        panels.append(
            Panel(
                f"asked about the {CONTENT[modality]}",
                partial(draw_bars, bars=bars, label="questions, %"),
                bars_height(bars),
                f"For each model, questions about the {CONTENT[modality]} under conflict: right, lost to interference, "
                "and wrong even with the other modality removed; the table below has the numbers",
            )
        )
    if not panels:
        return None
    counted = f"{min(pairs):,}" if len(pairs) == 1 else f"{min(pairs):,} to {max(pairs):,}"
    return Plot(
        name="competence",
        title=TITLE,
        text="The ceiling is a model's accuracy with the other modality removed. What is missing above the ceiling is "
        "competence that the model lacks. What it loses below the ceiling when the other modality disagrees is "
        "interference.",
        caption=f"Share of questions under {CONFLICT}, paired by clip with the same question asked with one modality, "
        f"{AVERAGE_WORDS[runs[0].average]}, n = {counted} pairs per bar. Above each bar: the ceiling, below it: the "
        "accuracy under conflict, with 95% intervals (Wilson, effective sample size over clips); on the right: "
        "interference in percentage points with its 95% interval (Bonett and Price).",
        panels=panels,
        legend=[
            Mark("right under conflict, visual", VISUAL),
            Mark("right under conflict, audio", AUDIO),
            Mark("lost to interference", LOST, "hatched"),
            Mark("missing competence", UNCLEAR),
            Mark("▾ ceiling, ▴ accuracy, 95%", INK, "line"),
        ],
    )


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


@analysis(
    name="competence",
    title="Losses split into missing competence and interference",
    head="model: condition, asked",
    columns={
        "pairs": "pairs (n)",
        "ceiling": "ceiling",
        "accuracy": "accuracy",
        "lacking": "lacking",
        "interference": Column("interference", signed=True),
        "taken": "taken",
        "given": "given",
        "misled": "misled",
    },
    caption="Percent of the pairs, paired by clip with the same question asked with one modality; 95% intervals "
    "(shares: Wilson, effective sample size over clips; interference: Bonett and Price). "
    "100 - accuracy = lacking + interference, and interference = taken - given.",
    notes=[
        "ceiling: accuracy with the other modality removed; lacking: 100 - ceiling; taken: right with one modality, "
        "wrong under the condition; given: the reverse; misled: right with one modality, names the distractor under "
        "the condition."
    ],
    figure=competence_figure,
)
def competence_splits(
    table: VerdictTable, variants: Sequence[str] = ("standard",), average: Average = "micro"
) -> list[CompetenceSplit]:
    """Split the losses of every condition whose questions can be answered.

    Args:
        table: all verdicts.
        variants: wordings that count.
        average: over questions or over classes.
    """
    found = []
    for modality, ceiling_condition in ONE_MODALITY.items():
        ceiling = table.select(condition=ceiling_condition, modality=modality, variants=variants)
        for condition in table.conditions:
            rows = table.select(condition=condition, modality=modality, variants=variants)
            if condition == ceiling_condition or not len(rows) or not rows.answerable.all():
                continue
            if split := _split(condition, modality, ceiling, rows, average):
                found.append(split)
    return found


def _split(
    condition: str, modality: Modality, ceiling: VerdictTable, rows: VerdictTable, average: Average
) -> CompetenceSplit | None:
    pairs = pair(ceiling, rows)
    if not len(pairs):
        return None
    clips, classes = pairs.changed.clip, pairs.changed.answer

    def share(hits: Flags) -> Estimate:
        return average_share(hits, average, classes, clips)

    alone, together = pairs.reference.correct, pairs.changed.correct
    return CompetenceSplit(
        condition=condition,
        modality=modality,
        pairs=len(pairs),
        ceiling=share(alone),
        accuracy=share(together),
        lacking=share(~alone),
        interference=average_difference(together, alone, average, classes, clips),
        taken=share(alone & ~together),
        given=share(~alone & together),
        misled=share(alone & pairs.changed.distracted),
    )
