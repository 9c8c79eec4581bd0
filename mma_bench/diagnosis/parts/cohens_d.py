"""Does the attention follow the question? Cohen's d per layer between the visual and the audio question."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mma_bench.diagnosis.drawing import COLOURS, Dashes, Level, Line, clips_of, in_order, line_panel
from mma_bench.diagnosis.effect_size import cohens_d, d_change
from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.parts.attention import (
    ANSWERING,
    MEDIA_GROUPS,
    WORDS,
    columns_of,
    masses_by_question,
    mean_over_heads,
)
from mma_bench.diagnosis.registry import Measured, Part, part
from mma_bench.drawing.panels import Mark, Plot, Shape

if TYPE_CHECKING:
    import pandas as pd

POOLED, PAIRED = "Cohen's d (pooled)", "Cohen's d (paired)"
GROWTH = "growth of |d| (pooled)"
PUBLISHED = {"published before tuning: 0.6": 0.6, "published after tuning: 1.6": 1.6}
"""Peaks of |d| on the video tokens of misaligned clips (arXiv 2511.22826)."""

_DASHES: tuple[Dashes, ...] = ("-", "--", ":")


@part
class CohensD(Part):
    """d > 0: more attention under the visual question."""

    name = "cohens_d"
    help = "Cohen's d per layer between attention under the visual and the audio question, for video and audio tokens"
    reads = ("attention",)
    measures = False
    caution = (
        "A large |d| says that attention moves reliably with the question, not that it moves far, nor that the answer "
        "follows: attention that differs by a thousandth in every clip has a large d."
    )

    def numbers(self, measured: Measured) -> list[Number]:
        """Return d by condition, group and layer, pooled and paired."""
        found: list[Number] = []
        frame = mean_over_heads(measured.tables["attention"]).to_pandas()
        for source in (ANSWERING, WORDS):
            for condition, pair in question_pairs(frame, source).items():
                visual, audio = pair
                clips = visual.index.get_level_values("clip")
                for quantity, paired in ((POOLED, False), (PAIRED, True)):
                    estimates = cohens_d(visual, audio, clips, paired=paired, seed=measured.seed)
                    for (group, layer), estimate in zip(columns_of(visual), estimates, strict=True):
                        where: dict[str, Any] = {
                            "condition": condition,
                            "group": group,
                            "detail": source,
                            "layer": int(layer),
                        }
                        found.append(Number.of(estimate, self.name, quantity, **where))
        return found

    def changes(self, before: Measured, after: Measured) -> list[Number]:
        """Return how much |d| grew by condition, group and layer."""
        tables = [mean_over_heads(each.tables["attention"]).to_pandas() for each in (before, after)]
        earlier, later = (question_pairs(table, ANSWERING) for table in tables)
        found: list[Number] = []
        for condition in earlier.keys() & later.keys():
            first, second = earlier[condition], later[condition]
            shared = first[0].index.intersection(second[0].index)
            columns = columns_of(first[0])
            if not len(shared) or columns != columns_of(second[0]):
                continue
            was, is_now = ((one.loc[shared], other.loc[shared]) for one, other in (first, second))
            growth = d_change(was, is_now, shared.get_level_values("clip"), seed=after.seed)
            for (group, layer), estimate in zip(columns, growth, strict=True):
                where: dict[str, Any] = {
                    "condition": condition,
                    "group": group,
                    "detail": ANSWERING,
                    "layer": int(layer),
                }
                found.append(Number.of(estimate, self.name, GROWTH, **where))
        return sorted(found, key=lambda number: number.condition)

    def plots(self, series: Sequence[Series]) -> list[Plot]:
        """Return a panel per condition and group, with a line for each diagnosis."""
        panels = []
        every = [number for one in series for number in one.pick(POOLED, detail=ANSWERING)]
        for condition in in_order([number.condition for number in every]):
            for group in in_order([number.group for number in every]):
                lines = [
                    Line(COLOURS[group], one.pick(POOLED, detail=ANSWERING, condition=condition, group=group), dashes)
                    for one, dashes in zip(series, _DASHES, strict=False)
                ]
                levels = [Level(0.0)]
                if (condition, group) == ("misaligned", "video"):
                    levels += [Level(value, name, below=value < 1) for name, value in PUBLISHED.items()]
                name = f"{condition.replace('_', ' ')}, {group} tokens"
                panels.append(
                    line_panel(name, lines, "d", f"Cohen's d by layer; {name}", levels=levels, layers=series[0].layers)
                )
        if not panels:
            return []
        shapes: tuple[Shape, ...] = ("line", "dashed", "dotted")
        legend = [Mark(f"{group} tokens", COLOURS[group], "line") for group in in_order([n.group for n in every])]
        if len(series) > 1:
            legend += [Mark(one.label, COLOURS["template"], shape) for one, shape in zip(series, shapes, strict=False)]
        return [
            Plot(
                name=self.name,
                title="Does attention follow the question?",
                text="Cohen's d between the visual and the audio question about the same stimulus: above 0, the group "
                "gets more attention under the visual question. Attention that follows the question is above 0 for "
                "video tokens and below 0 for audio tokens.",
                caption="Pooled d of the attention mass from the answering position, mean over heads; bands are 95% "
                f"bootstrap intervals over {clips_of(every)}. The marks are the published "
                f"peaks of |d| on video tokens of misaligned clips, of another model. {self.caution}",
                panels=panels,
                legend=legend,
            )
        ]


def question_pairs(frame: "pd.DataFrame", source: str) -> "dict[str, tuple[pd.DataFrame, pd.DataFrame]]":
    """Return, by condition, the masses under the visual and under the audio question about the same stimuli.

    Args:
        frame: table of the part `attention`, of `mean_over_heads`.
        source: where attention comes from.

    Returns:
        Two tables with the same rows (stimulus, clip, wording) and the same columns (group, layer).
    """
    masses = masses_by_question(frame, source)
    groups = [str(group) for group in MEDIA_GROUPS]
    found = {}
    for condition, part_of in masses.groupby(level="condition", sort=False):
        if {"visual", "audio"} - {*part_of.index.get_level_values("modality")}:
            continue
        both = [part_of[part_of.index.get_level_values("modality") == name] for name in ("visual", "audio")]
        index = ["key", "clip", "variant"]
        visual, audio = (one.reset_index().set_index(index)[groups_of(one, groups)].sort_index() for one in both)
        shared = visual.index.intersection(audio.index)
        if len(shared):
            found[str(condition)] = visual.loc[shared], audio.loc[shared]
    return found


def groups_of(frame: "pd.DataFrame", groups: Sequence[str]) -> list[tuple[str, int]]:
    """Return the columns of ``groups`` in a table with columns by group and layer."""
    return [(group, layer) for group, layer in columns_of(frame) if group in groups]
