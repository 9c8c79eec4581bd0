"""Heads that decide: every head is silenced once, on half of the clips."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mma_bench.diagnosis.drawing import clips_of, heat_panel, in_order, question_words
from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.registry import Measured, Part, Row, about, part
from mma_bench.diagnosis.silencing import Head, Silencing
from mma_bench.diagnosis.subject import Subject
from mma_bench.drawing.panels import Plot
from mma_bench.evaluation.statistics.bootstrap import mean

if TYPE_CHECKING:
    import pandas as pd

EFFECT = "effect of silencing the head"


def ranks(subject: Subject) -> bool:
    """Return whether the clip is in the half that ranks heads; the other half verifies the ranking."""
    return subject.draw(f"half/{subject.clip}") % 2 == 0


@part
class Heads(Part):
    """The effect of each head on right minus competing label."""

    name = "heads"
    help = "effect of each attention head on the answer under conflict, on half of the clips"
    columns: ClassVar[Mapping[str, str]] = {
        "layer": "int32",
        "head": "int32",
        "right_before": "float64",
        "right": "float64",
        "competing_before": "float64",
        "competing": "float64",
    }
    caution = (
        "A head that changes the answer alone need not hold the label: it may feed one that does. Heads that stand in "
        "for each other show no effect one at a time. These clips ranked the heads, so their effects are too large: "
        "the next figure verifies them on other clips."
    )

    def measure(self, subject: Subject) -> Iterable[Row]:
        """Return a row per head and question, for clips of the ranking half."""
        if not ranks(subject):
            return
        heads = [(layer, head) for layer in range(subject.layers) for head in range(subject.heads)]
        for case in subject.conflicts:
            before, *after = case.prompt.read(case.labels, [None, *(Silencing([head]) for head in heads)])
            for (layer, head), reading in zip(heads, after, strict=True):
                yield {
                    **about(case, subject),
                    "layer": layer,
                    "head": head,
                    "right_before": float(before.scores[0]),
                    "right": float(reading.scores[0]),
                    "competing_before": float(before.scores[1]),
                    "competing": float(reading.scores[1]),
                }

    def numbers(self, measured: Measured) -> list[Number]:
        """Return the mean effect of each head."""
        frame = with_effects(measured.tables[self.name].to_pandas())
        found: list[Number] = []
        for (condition, modality), rows in frame.groupby(["condition", "modality"], sort=False):
            wide = rows.pivot_table(index=["question_id", "clip"], columns=["layer", "head"], values="effect")
            estimates = mean(wide.to_numpy(), wide.index.get_level_values("clip"), seed=measured.seed)
            for place, estimate in zip(wide.columns.to_list(), estimates, strict=True):
                layer, head = int(place[0]), int(place[1])
                where: dict[str, Any] = {"condition": str(condition), "modality": str(modality), "layer": int(layer)}
                found.append(Number.of(estimate, self.name, EFFECT, group=f"head {head}", **where))
        return found

    def plots(self, series: Sequence[Series]) -> list[Plot]:
        """Return heat maps, head by layer."""
        panels = []
        every = [number for one in series for number in one.pick(EFFECT)]
        for condition in in_order([number.condition for number in every]):
            for modality in in_order([number.modality for number in every]):
                for one in series:
                    numbers = one.pick(EFFECT, condition=condition, modality=modality)
                    names = in_order([number.group for number in sorted(numbers, key=lambda n: int(n.group[5:]))])
                    values = {(number.group, number.layer): number.value for number in numbers}
                    name = f"{condition.replace('_', ' ')}, {question_words(modality)}"
                    panels.append(
                        heat_panel(
                            f"{name}, {one.label}" if len(series) > 1 else name,
                            names,
                            [str(layer) for layer in range(one.layers)],
                            [[values.get((head, layer), math.nan) for layer in range(one.layers)] for head in names],
                            "layer",
                            f"Effect of silencing each head; {name}",
                        )
                    )
        if not panels:
            return []
        return [
            Plot(
                name=self.name,
                title="Which heads decide?",
                text="One head at a time writes nothing where the question and the answer are read. Blue: without "
                "it, the right label gains on the competing one, so the head argued for the wrong answer. Orange: it "
                "argued for the right one.",
                caption="Change of log p(right) - log p(competing), in nats, mean over "
                f"{clips_of(every)}, the half that ranks the heads. {self.caution}",
                panels=panels,
                legend=[],
            )
        ]


def with_effects(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table of scores with the change of right minus competing as the column `effect`."""
    before = frame["right_before"] - frame["competing_before"]
    return frame.assign(effect=frame["right"] - frame["competing"] - before)


def ranking(frame: "pd.DataFrame") -> dict[tuple[str, str], list[Head]]:
    """Return the heads by condition and modality, those first whose silencing helps the right label most."""
    found = {}
    effects = with_effects(frame).groupby(["condition", "modality", "layer", "head"], sort=True)["effect"].mean()
    kinds = list(dict.fromkeys((str(condition), str(modality)) for condition, modality, _, _ in effects.index))
    for kind in kinds:
        own = effects.loc[kind]
        order = np.argsort(-own.to_numpy(), kind="stable")
        places = [(int(layer), int(head)) for layer, head in own.index]
        found[kind] = [places[index] for index in order]
    return found
