"""Attention mass: how much of the attention each group of tokens gets, in each layer and head."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mma_bench.diagnosis.drawing import clips_of, heat_panel, in_order, question_words
from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.registry import Measured, Part, Row, about, part
from mma_bench.diagnosis.subject import Case, Subject
from mma_bench.diagnosis.token_map import GROUPS, Group
from mma_bench.drawing.panels import Plot
from mma_bench.evaluation.statistics.bootstrap import mean
from mma_bench.models.omni.attention import Attention as Calls

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import torch
    from numpy.typing import NDArray

ANSWERING, WORDS = "answering position", "question words"
TEXT_GROUPS = (Group.QUESTION, Group.OPTION, Group.CAPTION, Group.UNRELATED)
MEDIA_GROUPS = (Group.VIDEO, Group.AUDIO)
_AT_ONCE = 64
"""Rows of attention that are computed at once: 30 MB for 28 heads and 4,096 tokens."""


class Masses:
    """Adds up attention by the group of its target while a question runs.

    Args:
        case: the question.

    Attributes:
        by_group: shape [layers, positions it comes from, heads, groups].
        by_option: shape [layers, positions it comes from, heads, options].
    """

    def __init__(self, case: Case) -> None:
        import torch

        found = case.prompt.map
        self.by_group: list[NDArray[np.float32]] = []
        self.by_option: list[NDArray[np.float32]] = []
        count = len(case.question.options)
        words = np.flatnonzero(found.codes[found.media_end : found.length] == GROUPS.index(Group.QUESTION))
        self._sources = [torch.tensor([case.prompt.answering]), torch.from_numpy(words)]
        targets = np.zeros((found.length, len(GROUPS) + count), np.float32)
        targets[np.arange(found.length), found.codes[: found.length]] = 1
        options = found.option[: found.length]
        targets[options >= 0, len(GROUPS) + options[options >= 0]] = 1
        self._targets = torch.from_numpy(targets)

    def __call__(self, attention: Calls, output: "torch.Tensor") -> "torch.Tensor":
        """Read one layer."""
        sums = np.stack([self._sum(attention, places) for places in self._sources])
        self.by_group.append(sums[..., : len(GROUPS)])
        self.by_option.append(sums[..., len(GROUPS) :])
        return output

    def _sum(self, attention: Calls, places: "torch.Tensor") -> "NDArray[np.float32]":
        """Return the mass from the mean of ``places``: shape [heads, groups and options]."""
        import torch

        targets = self._targets.to(attention.query.device)
        if not len(places):
            return np.full((attention.query.shape[1], targets.shape[1]), np.nan, np.float32)
        total = targets.new_zeros(attention.query.shape[1], attention.key.shape[2])
        for some in torch.split(places, _AT_ONCE):
            total += attention.weights(some.to(attention.query.device))[0].sum(dim=1)
        targets = targets[-total.shape[1] :]  # a sliding window holds the last tokens only
        found: NDArray[np.float32] = (total @ targets / len(places)).cpu().numpy()
        return found


@part
class Attention(Part):
    """Where the answering position, and the question's words, look."""

    name = "attention"
    help = "attention mass by group of tokens, per layer and head, as a sum and per token"
    columns: ClassVar[Mapping[str, str]] = {
        "source": "string",
        "layer": "int32",
        "head": "int32",
        "group": "string",
        "option": "string",
        "tokens": "int32",
        "mass": "float32",
    }
    caution = (
        "Attention is not explanation: a token can be looked at and change nothing, and what it holds may have been "
        "copied into other tokens in an earlier layer. Knock-out, patching and heads say what changes the answer."
    )

    def measure(self, subject: Subject) -> Iterable[Row]:
        """Return the mass of each group by layer and head, and of each option by layer, averaged over heads."""
        for case in subject.cases:
            masses = Masses(case)
            case.prompt.look(masses)
            common = about(case, subject)
            yield from ({**common, **row} for row in self._rows(case, masses))

    def _rows(self, case: Case, masses: Masses) -> Iterator[Row]:
        found = case.prompt.map
        sizes = np.bincount(found.codes[: found.length], minlength=len(GROUPS))
        lengths = np.bincount(found.option[: found.length] + 1, minlength=len(case.question.options) + 1)[1:]
        for layer, (groups, options) in enumerate(zip(masses.by_group, masses.by_option, strict=True)):
            for number, source in enumerate((ANSWERING, WORDS)):
                place: Row = {"source": source, "layer": layer}
                for code in np.flatnonzero(sizes):
                    group = {"group": str(GROUPS[code]), "option": None, "tokens": int(sizes[code])}
                    for head, mass in enumerate(groups[number, :, code].tolist()):
                        yield {**place, **group, "head": head, "mass": mass}
                for index in np.flatnonzero(lengths):
                    mass = float(options[number, :, index].mean())
                    option = {"option": case.question.options[index], "tokens": int(lengths[index])}
                    yield {**place, **option, "group": str(Group.OPTION), "head": None, "mass": mass}

    def condense(self, table: "pa.Table") -> "pa.Table":
        """Return the mass of each group averaged over heads; options are left out."""
        return mean_over_heads(table)

    def numbers(self, measured: Measured) -> list[Number]:
        """Return sums, efficiency and dominance by layer, averaged over heads and clips."""
        per_group = mean_over_heads(measured.tables[self.name]).to_pandas()
        keys = ["condition", "modality", "source"]
        found: list[Number] = []
        for (condition, modality, source), part_of in per_group.groupby(keys, sort=False):
            where = {"condition": condition, "modality": modality, "detail": source}
            for quantity, wide in _measures(part_of).items():
                clips = wide.index.get_level_values("clip")
                for (group, layer), estimate in zip(
                    columns_of(wide), mean(wide.to_numpy(), clips, seed=measured.seed), strict=True
                ):
                    found.append(Number.of(estimate, self.name, quantity, group=group, layer=int(layer), **where))
        return found

    def plots(self, series: Sequence[Series]) -> list[Plot]:
        """Return heat maps, layer by group."""
        panels = []
        every = [number for one in series for number in one.pick("attention mass", detail=ANSWERING)]
        conditions = in_order([number.condition for number in every])
        if len(series) > 1:
            conditions = [name for name in conditions if name == "misaligned"] or conditions[:1]
        for condition in conditions:
            for modality in ("visual", "audio"):
                for one in series:
                    numbers = one.pick("attention mass", condition=condition, modality=modality, detail=ANSWERING)
                    if not numbers:
                        continue
                    groups = [str(group) for group in GROUPS if any(number.group == group for number in numbers)]
                    values = {(number.group, number.layer): number.value for number in numbers}
                    table = [[values[group, layer] for layer in range(one.layers)] for group in groups]
                    name = f"{condition.replace('_', ' ')}, {question_words(modality)}"
                    panels.append(
                        heat_panel(
                            f"{name}, {one.label}" if len(series) > 1 else name,
                            groups,
                            [str(layer) for layer in range(one.layers)],
                            table,
                            "layer",
                            f"Attention mass by group and layer; {name}",
                            largest=1.0,
                        )
                    )
        if not panels:
            return []
        return [
            Plot(
                name="attention",
                title="Attention mass",
                text="Where the position that writes the answer looks. Each column adds up to 1. A model that uses the "
                "modality it is asked about should look at other tokens when it is asked about the other one.",
                caption=f"Share of attention from the answering position, mean over heads and {clips_of(every)}. "
                f"{self.caution}",
                panels=panels,
                legend=[],
            )
        ]


def columns_of(frame: "pd.DataFrame") -> list[tuple[str, int]]:
    """Return the columns of a table that has one per group and layer."""
    return [(str(column[0]), int(column[1])) for column in frame.columns.to_list()]


def masses_by_question(frame: "pd.DataFrame", source: str) -> "pd.DataFrame":
    """Return the attention mass averaged over heads: a row per question, a column per group and layer.

    Args:
        frame: the part's table, of `mean_over_heads`.
        source: `ANSWERING` or `WORDS`.
    """
    own = frame[frame["source"] == source]
    index = ["condition", "modality", "variant", "key", "clip"]
    return own.pivot_table(index=index, columns=["group", "layer"], values="mass", aggfunc="mean", sort=False)


def mean_over_heads(table: "pa.Table") -> "pa.Table":
    """Return the rows of the part's table about groups, averaged over heads, without the columns of heads and options.

    A table that is so already is returned as it is.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if "head" not in table.column_names:
        return table
    keys = [name for name in table.column_names if name not in ("head", "option", "mass", "tokens")]
    own = table.filter(pc.field("head").is_valid())
    groups = own.group_by(keys, use_threads=False).aggregate([("mass", "mean"), ("tokens", "min")])
    renamed = {"mass": groups["mass_mean"], "tokens": groups["tokens_min"]}
    return pa.table({**{name: groups[name] for name in keys}, **renamed})


def _measures(frame: "pd.DataFrame") -> "dict[str, pd.DataFrame]":
    """Return tables with a row per question and a column per group and layer."""
    index = ["question_id", "clip"]
    masses = frame.pivot(index=index, columns=["group", "layer"], values="mass")
    tokens = frame.pivot(index=index, columns=["group", "layer"], values="tokens")
    shares = tokens / tokens.T.groupby(level="layer").transform("sum").T
    sums = {}
    for name, groups in (("text", TEXT_GROUPS), ("media", MEDIA_GROUPS)):
        inside = [column for column in masses.columns if column[0] in groups]
        pair = [each[inside].T.groupby(level="layer").sum().T for each in (masses, tokens)]
        sums[name] = pair[0] / pair[1].where(pair[1] > 0)
    dominance = sums["text"] / sums["media"]
    dominance.columns = dominance.columns.map(lambda layer: ("text over media", layer))
    return {"attention mass": masses, "efficiency": masses / shares, "dominance": dominance}
