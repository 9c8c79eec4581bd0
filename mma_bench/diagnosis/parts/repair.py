"""Do the chosen heads decide on other clips, too? And the files that silence them in an ordinary evaluation."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mma_bench.diagnosis.drawing import clips_of, in_order, question_words
from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.parts.heads import ranking, ranks, with_effects
from mma_bench.diagnosis.registry import Measured, Part, Row, about, part
from mma_bench.diagnosis.silencing import Head, Silencing
from mma_bench.diagnosis.subject import Case, Subject
from mma_bench.drawing.bars import Bar, Whisker, bars_height, draw_bars
from mma_bench.drawing.bars import Part as Piece
from mma_bench.drawing.panels import Mark, Panel, Plot
from mma_bench.drawing.style import OTHER, TEXT, VISUAL
from mma_bench.evaluation.statistics import Estimate
from mma_bench.evaluation.statistics.bootstrap import mean
from mma_bench.files.hashing import sha256_json
from mma_bench.models.omni.head_gain import FORMAT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARE = 0.05
"""Share of all heads that are silenced together."""

_DRAWS = 5
BEFORE, CHOSEN, RANDOM = "as it is", "chosen heads", "random heads"
RIGHT, MARGIN = "right label leads", "change of right minus competing"


@part
class Repair(Part):
    """The heads that hurt most, silenced on the clips that did not rank them, against random heads."""

    name = "repair"
    help = "the heads that hurt most, silenced on the other half of the clips, against as many random heads"
    reads = ("heads",)
    columns: ClassVar[Mapping[str, str]] = {
        "what": "string",
        "draw": "int32",
        "right_before": "float64",
        "right": "float64",
        "competing_before": "float64",
        "competing": "float64",
    }
    caution = (
        "Only two labels and one kind of question are compared here: the same heads may be needed for other questions. "
        "An evaluation with the file of gains shows gain and harm on the whole benchmark, also on the clips that "
        "chose the heads; the file names them."
    )

    def __init__(self) -> None:
        self.chosen: dict[tuple[str, str], list[Head]] = {}
        self._all: list[Head] = []

    def prepare(self, measured: Measured) -> None:
        """Choose the heads of each condition and question."""
        self._all = [(layer, head) for layer in range(measured.layers) for head in range(measured.heads)]
        self.chosen = choose(measured)

    @property
    def state(self) -> str:
        """Which heads are silenced: with others, everything is measured again."""
        return sha256_json([[*key, heads] for key, heads in sorted(self.chosen.items())])[:12]

    def measure(self, subject: Subject) -> Iterable[Row]:
        """Return a row per set of heads and question, for clips of the other half."""
        if ranks(subject):
            return
        for case in subject.conflicts:
            chosen = self.chosen.get((case.question.condition, str(case.question.modality)))
            if not chosen:
                continue
            sets = [(CHOSEN, 0, chosen), *self._random(case, subject, chosen)]
            before, *after = case.prompt.read(case.labels, [None, *(Silencing(heads) for _, _, heads in sets)])
            for (what, draw, _), reading in zip(sets, after, strict=True):
                yield {
                    **about(case, subject),
                    "what": what,
                    "draw": draw,
                    "right_before": float(before.scores[0]),
                    "right": float(reading.scores[0]),
                    "competing_before": float(before.scores[1]),
                    "competing": float(reading.scores[1]),
                }

    def _random(self, case: Case, subject: Subject, chosen: Sequence[Head]) -> list[tuple[str, int, list[Head]]]:
        """Return sets of as many heads, of those that were not chosen."""
        others = [head for head in self._all if head not in chosen]
        seed = subject.draw(f"repair/{case.question.condition}/{case.question.modality}")
        generator = np.random.default_rng(seed)
        return [
            (RANDOM, draw, [others[i] for i in generator.permutation(len(others))[: len(chosen)]])
            for draw in range(_DRAWS)
        ]

    def numbers(self, measured: Measured) -> list[Number]:
        """Return how often the right label leads, before and after."""
        frame = with_effects(measured.tables[self.name].to_pandas())
        frame["led"] = (frame["right_before"] > frame["competing_before"]).astype(float)
        frame["leads"] = (frame["right"] > frame["competing"]).astype(float)
        found: list[Number] = []
        for (condition, modality), rows in frame.groupby(["condition", "modality"], sort=False):
            where: dict[str, Any] = {"condition": str(condition), "modality": str(modality)}
            (estimate,) = mean(rows["led"], rows["clip"], seed=measured.seed)
            found.append(Number.of(estimate, self.name, RIGHT, group=BEFORE, **where))
            for what, own in rows.groupby("what", sort=False):
                columns = mean(own[["leads", "effect"]].to_numpy(), own["clip"], seed=measured.seed)
                for quantity, one in zip((RIGHT, MARGIN), columns, strict=True):
                    found.append(Number.of(one, self.name, quantity, group=str(what), **where))
        chosen = choose(measured)
        for (condition, modality), heads in chosen.items():
            for layer, head in heads:
                nothing = Estimate(1.0, float("nan"), float("nan"), 0)
                place: dict[str, Any] = {"condition": condition, "modality": modality, "layer": layer}
                found.append(Number.of(nothing, self.name, "chosen head", group=f"head {head}", **place))
        return found

    def plots(self, series: Sequence[Series]) -> list[Plot]:
        """Return bars of how often the right label leads."""
        panels = []
        every = [number for one in series for number in one.pick(RIGHT)]
        for condition in in_order([number.condition for number in every]):
            for modality in in_order([number.modality for number in every]):
                for one in series:
                    bars = [_bar(number) for number in one.pick(RIGHT, condition=condition, modality=modality)]
                    name = f"{condition.replace('_', ' ')}, {question_words(modality)}"
                    panels.append(
                        Panel(
                            f"{name}, {one.label}" if len(series) > 1 else name,
                            _Draw(bars),
                            bars_height(bars),
                            f"How often the right label leads, with heads silenced; {name}",
                        )
                    )
        if not panels:
            return []
        chosen = {(n.condition, n.modality): 0 for n in series[-1].pick("chosen head")}
        count = len(series[-1].pick("chosen head")) // max(1, len(chosen))
        return [
            Plot(
                name=self.name,
                title="Does silencing them repair the answers?",
                text=f"Of all heads, the {100 * SHARE:.0f}% ({count}) whose silencing helped the right label most on "
                "one half of the clips, silenced on the other half. Random heads show what silencing any heads does. "
                "The files head_gain_CONDITION_MODALITY.json hold these heads: with --model-option head_gain=FILE, "
                "mma-bench eval asks the whole benchmark without them.",
                caption="Share of questions whose right label is likelier than the competing one, over "
                f"{clips_of(every)}; whiskers are 95% bootstrap intervals. {self.caution}",
                panels=panels,
                legend=[Mark(BEFORE, OTHER), Mark(CHOSEN, TEXT), Mark(RANDOM, VISUAL)],
            )
        ]

    def files(self, measured: Measured) -> Mapping[str, bytes]:
        """Return a file of gains for each condition and question."""
        found = {}
        table = measured.tables["heads"].to_pandas()
        for (condition, modality), heads in choose(measured).items():
            own = table[(table["condition"] == condition) & (table["modality"] == modality)]
            value = {
                "format": FORMAT,
                "gains": [{"layer": layer, "head": head, "gain": 0.0} for layer, head in heads],
                "note": f"heads whose silencing helped the {modality} question most, condition {condition}",
                "weights": measured.weights,
                "clips": sorted(set(own["clip"])),
            }
            text = json.dumps(value, indent=2, sort_keys=True) + "\n"
            found[f"head_gain_{condition}_{modality}.json"] = text.encode()
        return found


class _Draw:
    def __init__(self, bars: Sequence[Bar]) -> None:
        self._bars = bars

    def __call__(self, axes: "Axes") -> None:
        draw_bars(axes, self._bars, "right label leads, %")


def _bar(number: Number) -> Bar:
    colour = {BEFORE: OTHER, CHOSEN: TEXT, RANDOM: VISUAL}[number.group]
    whiskers = [] if math.isnan(number.low) else [Whisker(number.value, number.low, number.high, above=False)]
    return Bar(number.group, clips_of([number]), [Piece(number.value, colour)], whiskers)


def choose(measured: Measured) -> dict[tuple[str, str], list[Head]]:
    """Return the heads to silence by condition and modality: the first of the ranking, `SHARE` of all."""
    count = max(1, round(SHARE * measured.layers * measured.heads))
    table = measured.tables["heads"].to_pandas()
    return {key: heads[:count] for key, heads in ranking(table).items()} if len(table) else {}
