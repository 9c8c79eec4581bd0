"""Patching: which hidden states carry what the other audio track changed, by group of tokens and layer."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mma_bench.diagnosis.drawing import clips_of, heat_panel, in_order, question_words
from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.omni_prompt import OmniPrompt
from mma_bench.diagnosis.patches import EMBEDDINGS, Patch, WholePrompt
from mma_bench.diagnosis.registry import Measured, Part, Row, about, part
from mma_bench.diagnosis.subject import Case, Subject
from mma_bench.diagnosis.token_map import Group
from mma_bench.drawing.panels import Plot
from mma_bench.evaluation.statistics import NOTHING, Estimate
from mma_bench.evaluation.statistics.bootstrap import bootstrap, mean

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TURN, ALL = "answering turn", "all tokens"
SHARE, WHOLE, LEFT_OUT = "share that comes back", "difference of the two runs", "pairs left out"
NO_PARTNER = "no aligned stimulus has the same video"
_LAYERS = 12
"""At most this many layers are patched, evenly spaced: each patch is a pass over the whole prompt."""


@part
class Patching(Part):
    """Two stimuli with the same video and other audio: states of the aligned one, put into the misaligned one."""

    name = "patching"
    help = "share of the effect of the other audio that comes back with the hidden states of the aligned run"
    columns: ClassVar[Mapping[str, str]] = {
        "left_out": "string",
        "group": "string",
        "layer": "int32",
        "aligned": "float64",
        "before": "float64",
        "after": "float64",
    }
    own_layout = True
    caution = (
        "A share says that these states, at this layer, are enough to bring back that much; shares of groups do not "
        "add up, because they may carry the same thing. It says nothing about clips whose pairs were left out."
    )

    def measure(self, subject: Subject) -> Iterable[Row]:
        """Return a row per patch: log p(right) - log p(competing) of both runs, and of the patched one."""
        if subject.sample.stimulus.condition == "aligned":
            return
        for case in subject.conflicts:
            if case.question.condition != subject.sample.stimulus.condition:
                continue
            common = about(case, subject)
            partner = subject.partner
            donor = _same_question(case, partner) if partner else None
            pair = _pair(case, donor) if partner else NO_PARTNER
            if isinstance(pair, str):
                yield {**common, "left_out": pair, "group": None, "layer": None}
                continue
            for row in _patch(case, *pair):
                yield {**common, "left_out": None, **row}

    def numbers(self, measured: Measured) -> list[Number]:
        """Return shares by group and layer, and how many pairs were left out."""
        frame = measured.tables[self.name].to_pandas()
        found: list[Number] = []
        for (condition, modality), rows in frame.groupby(["condition", "modality"], sort=False):
            where: dict[str, Any] = {"condition": str(condition), "modality": str(modality)}
            used = rows[rows["left_out"].isna()]
            for reason, left in rows[rows["left_out"].notna()].groupby("left_out", sort=False):
                count = Estimate(float(len(left)), math.nan, math.nan, left["clip"].nunique())
                found.append(Number.of(count, self.name, LEFT_OUT, detail=str(reason), **where))
            if not len(used):
                continue
            one = used.drop_duplicates("question_id")
            (whole,) = mean(one["aligned"] - one["before"], one["clip"], seed=measured.seed)
            found.append(Number.of(whole, self.name, WHOLE, **where))
            for (group, layer), own in used.groupby(["group", "layer"], sort=False):
                estimate = share_of_difference(own, measured.seed)
                found.append(Number.of(estimate, self.name, SHARE, group=str(group), layer=int(layer), **where))
        return found

    def plots(self, series: Sequence[Series]) -> list[Plot]:
        """Return heat maps, layer by group."""
        panels = []
        every = [number for one in series for number in one.pick(SHARE)]
        for condition in in_order([number.condition for number in every]):
            for modality in in_order([number.modality for number in every]):
                for one in series:
                    numbers = one.pick(SHARE, condition=condition, modality=modality)
                    groups = in_order([number.group for number in numbers])
                    layers = sorted({number.layer for number in numbers})
                    values = {(number.group, number.layer): number.value for number in numbers}
                    name = f"{condition.replace('_', ' ')}, {question_words(modality)}"
                    panels.append(
                        heat_panel(
                            f"{name}, {one.label}" if len(series) > 1 else name,
                            groups,
                            ["in" if layer == EMBEDDINGS else str(layer) for layer in layers],
                            [[values.get((group, layer), math.nan) for layer in layers] for group in groups],
                            "after layer (in: what enters the first)",
                            f"Share of the difference that comes back, by group and layer; {name}",
                            largest=1.0,
                        )
                    )
        if not panels:
            return []
        left = {n.detail: int(n.value) for n in series[-1].pick(LEFT_OUT)}
        said = ", ".join(f"{count} because {reason}" for reason, count in left.items())
        return [
            Plot(
                name=self.name,
                title="Which tokens carry the conflict?",
                text="The misaligned stimulus and the aligned one have the same video. Hidden states of the aligned "
                "run are put into the misaligned one, one group of tokens after one layer: 1 means that the answer is "
                "as if the audio were the video's own, 0 that nothing changed. Where the share moves from the audio's "
                "tokens to the question and then to the answering turn is where the conflict is read.",
                caption="Share of the difference of log p(right) - log p(competing) between the two runs that comes "
                f"back, ratio of sums over {clips_of(every)}. "
                f"Questions left out: {said or 'none'}. {self.caution}",
                panels=panels,
                legend=[],
            )
        ]


def share_of_difference(rows: "pd.DataFrame", seed: int) -> Estimate:
    """Return the ratio of the sums of what came back and of the whole difference, with its interval."""
    table = rows[["aligned", "before", "after"]].to_numpy(dtype=np.float64)
    back, whole = table[:, 2] - table[:, 1], table[:, 0] - table[:, 1]

    def statistic(weights: "NDArray[np.float64]") -> "NDArray[np.float64]":
        with np.errstate(divide="ignore", invalid="ignore"):
            found: NDArray[np.float64] = (weights @ back) / (weights @ whole)
        return np.where(np.isfinite(found), found, np.nan)

    return next(iter(bootstrap(statistic, rows["clip"], seed=seed)), NOTHING)


def _same_question(case: Case, partner: Subject) -> Case | None:
    question = case.question
    for other in partner.cases:
        asked = other.question
        if (asked.condition, asked.modality, asked.variant) == ("aligned", question.modality, question.variant):
            return other
    return None


def _pair(case: Case, donor: Case | None) -> tuple[OmniPrompt, OmniPrompt] | str:
    """Return the prompts of two runs, or why they cannot be patched: each token must have its counterpart."""
    if donor is None:
        return "the aligned stimulus has no such question"
    ours, theirs = case.prompt, donor.prompt
    if not isinstance(ours, OmniPrompt) or not isinstance(theirs, OmniPrompt):
        return "not for this family"
    if ours.engine.settings.head_gain:
        return "head_gain applies after the media only"
    if ours.inputs.layout.ids != theirs.inputs.layout.ids:
        return "the media have different lengths"
    if ours.ids != theirs.ids:
        return "the prompts differ"
    return ours, theirs


def patched_layers(layers: int) -> list[int]:
    """Return after which layers states are patched; after the last one there is nothing left to change."""
    last = layers - 2
    chosen = np.unique(np.linspace(EMBEDDINGS, last, min(_LAYERS, last + 2)).round().astype(int))
    return [int(layer) for layer in chosen]


def patched_groups(case: Case) -> "dict[str, NDArray[np.bool_]]":
    """Return the tokens of each group that is patched, bool of shape [tokens before the answer]."""
    found = case.prompt.map
    text = found.of(Group.QUESTION, Group.OPTION, Group.CAPTION, Group.UNRELATED)
    after = np.arange(found.length) > np.flatnonzero(text).max(initial=found.media_end - 1)
    groups = {
        "video": found.of(Group.VIDEO),
        "audio": found.of(Group.AUDIO),
        "question": found.of(Group.QUESTION),
        "option": found.of(Group.OPTION),
        TURN: after,
        ALL: np.ones(found.length, bool),
    }
    return {name: places for name, places in groups.items() if places.any()}


def _patch(case: Case, ours: OmniPrompt, donor: OmniPrompt) -> Iterator[Row]:
    layers = patched_layers(ours.layers)
    recipient = WholePrompt(ours, case.labels, layers)
    states = WholePrompt(donor, case.labels, layers).states()
    before = recipient.states().scores
    named = [(name, Patch(layer, places)) for layer in layers for name, places in patched_groups(case).items()]
    scores = recipient.patched(states, [patch for _, patch in named])
    for (name, patch), after in zip(named, scores, strict=True):
        yield {
            "group": name,
            "layer": patch.layer,
            "aligned": float(states.scores[0] - states.scores[1]),
            "before": float(before[0] - before[1]),
            "after": float(after[0] - after[1]),
        }
