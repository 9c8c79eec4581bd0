"""Which modality answers follow when the modalities disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mma_bench.drawing.bars import Bar, Part, bars_height, draw_bars
from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import AUDIO, CONTENT, UNCLEAR, VISUAL
from mma_bench.evaluation.analyses.registry import Series, analysis
from mma_bench.evaluation.analyses.reliance_triangle import triangle_figure
from mma_bench.evaluation.analyses.table import CONFLICT, VerdictTable
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.schema import Modality


@dataclass(frozen=True)
class Reliance:
    """The modality-reliance index: shares of the answers under conflict, which add up to one.

    An answer follows a modality if it names the class which that modality suggests. Where several suggest it (a
    caption is wrong about aligned media: the streams agree) it counts for each in equal parts.

    Attributes:
        condition: a conflict condition, or ``all`` for all of them, each with the same weight.
        modality: what was asked about, or None for both questions.
        answers: how many there are.
        visual: share that follows the visual stream.
        audio: share that follows the audio stream.
        text: share that follows the text of the prompt.
        neither: share that follows none: another class, an abstention, several classes, or unparsed.
    """

    condition: str
    modality: Modality | None
    answers: int
    visual: Estimate
    audio: Estimate
    text: Estimate
    neither: Estimate


def following_figure(runs: Sequence[Series[Reliance]]) -> Plot | None:
    """Return a panel for each asked modality, or none if no run answered about conflicting streams."""
    panels = []
    for modality in Modality:
        found = [(run.label, entry) for run in runs if (entry := _conflict(run.rows, modality))]
        if not found:
            continue
        bars = [_bar(label, entry) for label, entry in found]
        panels.append(
            Panel(
                f"asked about the {CONTENT[modality]}",
                partial(draw_bars, bars=bars, label="answers, %"),
                bars_height(bars),
                f"What each model's answers follow when asked about the {CONTENT[modality]} and the streams disagree",
            )
        )
    if not panels:
        return None
    return Plot(
        name="follows",
        title="What answers follow",
        text=f"Under {CONFLICT}, the visual and the audio stream come from clips of different classes. A model that "
        "answers what it is asked names the visual class when asked about the visual content, and the audio class when "
        "asked about the audio content.",
        caption=f"Share of the answers under {CONFLICT}, n next to each bar; the table of reliance has 95% intervals.",
        panels=panels,
        legend=[
            Mark("the visual class", VISUAL),
            Mark("the audio class", AUDIO),
            Mark("neither: another class, several, none, abstained", UNCLEAR),
        ],
    )


def _conflict(rows: Sequence[Reliance], modality: Modality) -> Reliance | None:
    for entry in rows:
        if entry.condition == CONFLICT and entry.modality is modality:
            return entry
    return None


def _bar(label: str, entry: Reliance) -> Bar:
    parts = [
        Part(entry.visual.value, VISUAL),
        Part(entry.audio.value, AUDIO),
        Part(entry.neither.value, UNCLEAR, light=True),
    ]
    return Bar(label, f"n = {entry.answers:,}", parts)


def _row(entry: Reliance) -> str:
    return f"{entry.condition.replace('_', ' ')}, {entry.modality or 'both questions'}"


@analysis(
    name="reliance",
    title="What answers follow under conflict",
    head="model: condition, asked",
    columns={"answers": "n", "visual": "visual", "audio": "audio", "text": "text", "neither": "none of them"},
    row=_row,
    caption="Percent of the answers that name the class which each modality suggests, in equal parts where several "
    "suggest it; 95% intervals (Wilson, clustered by clip and stimulus). “all” gives each conflict "
    "condition the same weight.",
    figure=(following_figure, triangle_figure),
)
def reliances(table: VerdictTable, variants: Sequence[str] = ("standard",)) -> list[Reliance]:
    """Return the index of each conflict condition and modality, then of both questions, then of all conditions.

    A row is a conflict if two of the visual stream, the audio stream and the text suggest different classes.
    """
    rows = table.select(variants=variants)
    rows = rows.take(_conflicts(rows))
    found = []
    for condition in rows.conditions:
        here = rows.select(condition=condition)
        found += [_reliance(condition, m, part) for m in Modality if len(part := here.select(modality=m))]
        found.append(_reliance(condition, None, here))
    if len(rows.conditions) > 1:
        found.append(_reliance("all", None, rows))
    return found


def _conflicts(table: VerdictTable) -> NDArray[np.bool_]:
    suggested = np.stack([table.seen, table.heard, table.told], axis=1)
    highest = suggested.max(axis=1)
    lowest = np.where(suggested < 0, np.iinfo(np.int64).max, suggested).min(axis=1)
    conflict: NDArray[np.bool_] = (highest >= 0) & (highest != lowest)
    return conflict


def _reliance(condition: str, modality: Modality | None, rows: VerdictTable) -> Reliance:
    follows = (rows.decision[:, None] == np.stack([rows.seen, rows.heard, rows.told], axis=1)) & (
        rows.decision[:, None] >= 0
    )
    credit = follows / np.maximum(follows.sum(axis=1, keepdims=True), 1)
    neither = 1 - credit.sum(axis=1)
    weight = np.ones(len(rows))
    if condition == "all":
        for name in rows.conditions:
            here = rows.condition == name
            weight[here] = len(rows) / (len(rows.conditions) * here.sum())
    # Both questions about a stimulus depend on each other, and so do the stimuli that a clip is part of.
    visual, audio, text, none = (
        share(part, rows.clip, also=rows.stimulus, weights=weight) for part in (*credit.T, neither)
    )
    return Reliance(condition, modality, len(rows), visual, audio, text, none)
