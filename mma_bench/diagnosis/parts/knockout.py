"""Knock-out: what changes when some tokens cannot look at others, within a window of layers."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mma_bench.diagnosis.blocking import Blocking
from mma_bench.diagnosis.drawing import (
    COLOURS,
    Dashes,
    Level,
    Line,
    clips_of,
    common_limits,
    in_order,
    line_panel,
    question_words,
)
from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.parts.attention import ANSWERING, WORDS
from mma_bench.diagnosis.registry import Measured, Part, Row, about, part
from mma_bench.diagnosis.subject import Case, Subject
from mma_bench.diagnosis.token_map import Group, TokenMap
from mma_bench.drawing.panels import Mark, Plot
from mma_bench.evaluation.statistics.bootstrap import mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mma_bench.diagnosis.reading import Reading

TEXT = "question and answer"
"""All tokens after the media: cut from a modality, nothing of it is read any more."""

_PAIRS = {
    ANSWERING: (Group.VIDEO, Group.AUDIO, Group.QUESTION, Group.OPTION, Group.CAPTION, Group.UNRELATED),
    WORDS: (Group.VIDEO, Group.AUDIO),
    TEXT: (Group.VIDEO, Group.AUDIO),
}
"""Which tokens are cut from which."""

RIGHT, COMPETING, MARGIN, FLIPPED = (
    "change of the right label",
    "change of the competing label",
    "change of right minus competing",
    "share of flipped answers",
)
BLOCKED = "positions that are cut"

_LINES: tuple[tuple[str, Dashes], ...] = ((f"from {ANSWERING}", "-"), (f"from {ANSWERING}, random control", ":"))


@dataclass(frozen=True)
class _Cut:
    source: str
    group: Group
    layers: range
    control: bool
    targets: "NDArray[np.bool_]"
    blocking: Blocking


@part
class KnockOut(Part):
    """Tokens that matter are those whose absence changes the answer."""

    name = "knockout"
    help = "what changes when tokens cannot look at others within a window of layers, against random positions"
    columns: ClassVar[Mapping[str, str]] = {
        "source": "string",
        "group": "string",
        "first_layer": "int32",
        "last_layer": "int32",
        "control": "bool",
        "blocked": "int32",
        "right_before": "float64",
        "right": "float64",
        "competing_before": "float64",
        "competing": "float64",
        "flipped": "bool",
        "first_token_changed": "bool",
    }
    caution = (
        "A cut takes the model to states that it never has otherwise, so a change says that the path is used, not that "
        "it is the only one: what is cut here can flow through other tokens, and later layers can make up for it. "
        "Compare each line with its random control."
    )

    def measure(self, subject: Subject) -> Iterable[Row]:
        """Return a row per cut."""
        for case in subject.answerable:
            cuts = list(_cuts(case, subject))
            (before, *after) = case.prompt.read(case.labels, [None, *(cut.blocking for cut in cuts)])
            common = about(case, subject)
            for cut, reading in zip(cuts, after, strict=True):
                yield {**common, **_row(cut, before, reading)}

    def numbers(self, measured: Measured) -> list[Number]:
        """Return mean changes and shares of flips by cut."""
        frame = measured.tables[self.name].to_pandas()
        frame[RIGHT] = frame["right"] - frame["right_before"]
        frame[COMPETING] = frame["competing"] - frame["competing_before"]
        frame[MARGIN] = frame[RIGHT] - frame[COMPETING]
        frame[FLIPPED] = frame["flipped"].astype("float64")
        frame[BLOCKED] = frame["blocked"].astype("float64")
        quantities = [RIGHT, COMPETING, MARGIN, FLIPPED]
        keys = ["condition", "modality", "source", "group", "control", "first_layer", "last_layer"]
        found: list[Number] = []
        for (condition, modality, source, group, control, first, last), rows in frame.groupby(keys, sort=False):
            whole = (first, last) == (0, measured.layers - 1)
            where = {
                "condition": condition,
                "modality": modality,
                "group": group,
                "layer": -1 if whole else int(first),
                "detail": f"from {source}{', random control' if control else ''}",
            }
            estimates = mean(rows[quantities].to_numpy(dtype=np.float64), rows["clip"], seed=measured.seed)
            for quantity, estimate in zip(quantities, estimates, strict=True):
                if not math.isnan(estimate.value):
                    found.append(Number.of(estimate, self.name, quantity, **where))
            if whole:
                (blocked,) = mean(rows[BLOCKED], rows["clip"], seed=measured.seed)
                found.append(Number.of(blocked, self.name, BLOCKED, **where))
        return found

    def plots(self, series: Sequence[Series]) -> list[Plot]:
        """Return a panel per condition and question, with a line for each group and its control."""
        detail = f"from {ANSWERING}"
        every = [number for one in series for number in one.pick(MARGIN, detail=detail)]
        panels = []
        for condition in in_order([number.condition for number in every]):
            for modality in in_order([number.modality for number in every]):
                picked = {"condition": condition, "modality": modality}
                both = [number for one in series for number in one.pick(MARGIN, detail=detail, **picked)]
                limits = common_limits([number for number in both if number.layer >= 0])
                for one in series:
                    lines = []
                    for group in in_order([n.group for n in one.pick(MARGIN, detail=detail, **picked)]):
                        for name, dashes in _LINES:
                            numbers = [n for n in one.pick(MARGIN, detail=name, group=group, **picked) if n.layer >= 0]
                            lines.append(Line(COLOURS[group], numbers, dashes, banded=dashes == "-"))
                    name = f"{condition.replace('_', ' ')}, {question_words(modality)}"
                    title = f"{name}, {one.label}" if len(series) > 1 else name
                    description = f"Knock-out by window of layers; {name}"
                    more: dict[str, Any] = {"levels": [Level(0.0)], "layers": one.layers, "limits": limits}
                    panels.append(line_panel(title, lines, "change, nats", description, **more))
        if not panels:
            return []
        width = window_of(series[0].layers)
        groups = in_order([number.group for number in every])
        return [
            Plot(
                name=self.name,
                title="What does the answer depend on?",
                text="The position that answers, and the answer itself, cannot look at one group of tokens within a "
                "window of layers. Below 0, the right label loses against the competing one: the group carried "
                "evidence for the right label there. Above 0, it carried evidence for the competing one.",
                caption=f"Change of log p(right) - log p(competing), mean over {clips_of(every)}, in "
                f"windows of {width} layer{'s' if width > 1 else ''} from the layer that is named; bands are 95% "
                "bootstrap intervals. Dotted: as many positions outside the group, drawn at random from those before "
                "all tokens that cannot look; if there are fewer, all of these. The table has their numbers. "
                f"{self.caution}",
                panels=panels,
                legend=[
                    *(Mark(f"no attention to {group}", COLOURS[group], "line") for group in groups),
                    Mark("random control", COLOURS["template"], "dotted"),
                ],
            )
        ]


def window_of(layers: int) -> int:
    """Return how many layers a window has: about a sixth of all."""
    return max(1, round(layers / 6))


def windows(layers: int) -> list[range]:
    """Return the windows of layers in which attention is cut: overlapping by half, and all layers together."""
    width = window_of(layers)
    starts = range(0, layers - width + 1, max(1, width // 2))
    return [range(start, start + width) for start in starts] + [range(layers)] * (width < layers)


def _cuts(case: Case, subject: Subject) -> Iterator[_Cut]:
    found = case.prompt.map
    new = found.length - found.media_end
    sources = {
        ANSWERING: np.arange(new) == case.prompt.answering,
        WORDS: found.of(Group.QUESTION)[found.media_end :],
        TEXT: np.ones(new, bool),
    }
    layers = windows(case.prompt.layers)
    for source, groups in _PAIRS.items():
        for group in groups:
            targets = found.of(group)
            if not targets.any() or not sources[source].any():
                continue
            seed = subject.draw(f"knockout/{case.question.question_id}/{source}/{group}")
            random = _control(found, sources[source], targets, seed)
            for window in layers:
                for control, keys in ((False, targets), (True, random))[: 1 + random.any()]:
                    yield _Cut(source, group, window, control, keys, Blocking(window, sources[source], keys))


def _control(
    found: TokenMap, sources: "NDArray[np.bool_]", targets: "NDArray[np.bool_]", seed: int
) -> "NDArray[np.bool_]":
    """Return as many positions as ``targets``, drawn at random from those outside that every source sees, or all these.

    Positions of the group would make the control a part of the cut, and a position after a source is cut from nothing.

    Args:
        found: what each token is.
        sources: tokens after the media that must not look, shape [new tokens].
        targets: tokens of the group, shape [tokens before the answer].
        seed: of the draw.
    """
    first = found.media_end + int(np.flatnonzero(sources)[0])
    outside = np.flatnonzero(~targets[:first])
    drawn = np.random.default_rng(seed).permutation(outside)[: int(targets.sum())]
    return np.isin(np.arange(found.length), drawn)


def _row(cut: _Cut, before: "Reading", after: "Reading") -> Row:
    has_two = len(before.scores) > 1
    return {
        "source": cut.source,
        "group": str(cut.group),
        "first_layer": cut.layers[0],
        "last_layer": cut.layers[-1],
        "control": cut.control,
        "blocked": int(cut.targets.sum()),
        "right_before": float(before.scores[0]),
        "right": float(after.scores[0]),
        "competing_before": float(before.scores[1]) if has_two else None,
        "competing": float(after.scores[1]) if has_two else None,
        "flipped": bool(np.argmax(before.scores) != np.argmax(after.scores)) if has_two else None,
        "first_token_changed": before.first != after.first,
    }
