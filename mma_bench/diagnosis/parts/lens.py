"""Logit lens: which label the hidden states already speak for, after each layer, and "heard, not said"."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mma_bench.diagnosis.drawing import Line, clips_of, common_limits, in_order, line_panel, question_words
from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.reading import summed
from mma_bench.diagnosis.registry import Measured, Part, Row, about, part
from mma_bench.diagnosis.subject import Case, Subject
from mma_bench.diagnosis.token_map import Group
from mma_bench.drawing.panels import Mark, Plot
from mma_bench.drawing.style import LOST, OTHER, TEXT
from mma_bench.evaluation.statistics import share
from mma_bench.evaluation.statistics.bootstrap import mean

if TYPE_CHECKING:
    import pandas as pd
    import torch

ANSWER = "answer"
RIGHT, COMPETING, CONTROL = "right", "competing", "random option"
_COLOURS = {RIGHT: TEXT, COMPETING: LOST, CONTROL: OTHER}
LOG_PROB, HEARD, LEADS = "log-probability", "heard, not said", "right label leads in wrong answers"
_TOKENS_AT_ONCE = 128
"""Media tokens whose logits are held at once: 80 MB with a vocabulary of 150,000."""


@part
class Lens(Part):
    """The final normalisation and output layer, applied to the hidden states after each layer."""

    name = "lens"
    help = "log-probability of the right and the competing label after each layer; share of heard, not said"
    columns: ClassVar[Mapping[str, str]] = {
        "place": "string",
        "label": "string",
        "role": "string",
        "layer": "int32",
        "log_prob": "float64",
        "best": "float64",
    }
    caution = (
        "Layers before the last were not trained to be read this way: a label that leads may be noise, and one that "
        "does not may be there in another form. Compare with the random option, which leads at some layer by chance."
    )
    intervals = "95% intervals (bootstrap; Wilson's for shares of wrong answers)"

    def measure(self, subject: Subject) -> Iterable[Row]:
        """Return the log-probability of each label at the answer and, of its first token, at the media's tokens."""
        if not subject.answerable:
            return
        media = _media(subject.answerable)
        for case in subject.answerable:
            common = about(case, subject)
            named = _named(case)
            for layer, scores in enumerate(_at_answer(case, list(named.values()))):
                for (role, label), score in zip(named.items(), scores, strict=True):
                    place = {"place": ANSWER, "label": label, "role": role, "layer": layer}
                    yield {**common, **place, "log_prob": score, "best": None}
            for group, layers in media.items():
                for layer, values in enumerate(layers):
                    for role, label in named.items():
                        average, best = values[label]
                        place = {"place": f"{group} tokens", "label": label, "role": role, "layer": layer}
                        yield {**common, **place, "log_prob": average, "best": best}

    def numbers(self, measured: Measured) -> list[Number]:
        """Return mean log-probabilities, and the shares of wrong answers whose right label led."""
        frame = measured.tables[self.name].to_pandas()
        found: list[Number] = []
        keys = ["condition", "modality", "place", "role", "layer"]
        for (condition, modality, place, role, layer), rows in frame.groupby(keys, sort=False):
            (estimate,) = mean(rows["log_prob"], rows["clip"], seed=measured.seed)
            where = {"condition": condition, "modality": modality, "group": role, "layer": int(layer)}
            found.append(Number.of(estimate, self.name, LOG_PROB, detail=f"at {place}", **where))
        own = frame[frame["place"] == ANSWER]
        for (condition, modality), rows in own.groupby(["condition", "modality"], sort=False):
            found += _heard(self.name, str(condition), str(modality), rows)
        return found

    def plots(self, series: Sequence[Series]) -> list[Plot]:
        """Return a panel per condition and question, with a line for each label."""
        every = [number for one in series for number in one.pick(LOG_PROB, detail=f"at {ANSWER}")]
        conflicts = in_order([number.condition for number in every if number.group == COMPETING])
        panels = []
        for condition in conflicts or in_order([number.condition for number in every]):
            for modality in in_order([number.modality for number in every]):
                picked = {"condition": condition, "modality": modality, "detail": f"at {ANSWER}"}
                limits = common_limits([number for one in series for number in one.pick(LOG_PROB, **picked)])
                for one in series:
                    lines = [Line(_COLOURS[role], one.pick(LOG_PROB, group=role, **picked)) for role in _COLOURS]
                    name = f"{condition.replace('_', ' ')}, {question_words(modality)}"
                    title = f"{name}, {one.label}" if len(series) > 1 else name
                    description = f"Log-probability of the labels after each layer; {name}"
                    panels.append(
                        line_panel(title, lines, "log p, nats", description, layers=one.layers, limits=limits)
                    )
        if not panels:
            return []
        said = [_said(one, number) for one in series[-1:] for number in one.pick(HEARD, group=RIGHT)]
        return [
            Plot(
                name=self.name,
                title="What the layers already say",
                text="Log-probability of the labels at the position that answers, read after each layer. Where the "
                "right label leads and the competing one wins in the end, the model heard or saw, and did not say. "
                + (
                    f"Share of wrong answers whose right label led after some layer: {'; '.join(said)}." if said else ""
                ),
                caption=f"Sum over the tokens of a label, mean over {clips_of(every)}; bands are 95% "
                f"bootstrap intervals. {self.caution}",
                panels=panels,
                legend=[
                    Mark("right label", TEXT, "line"),
                    Mark("competing label", LOST, "line"),
                    Mark("random option", OTHER, "line"),
                ],
            )
        ]


def _said(series: Series, number: Number) -> str:
    """Return a share of wrong answers whose right label led, with that of the random option."""
    where = f"{number.condition.replace('_', ' ')}, {question_words(number.modality)}"
    if not number.clips:
        return f"{where}: no wrong answer"
    control = series.pick(HEARD, group=CONTROL, condition=number.condition, modality=number.modality)
    by_chance = f" (random option: {_percent(control[0])})" if control else ""
    return f"{where}: {_percent(number)} of {clips_of([number])}{by_chance}"


def _percent(number: Number) -> str:
    return "none" if math.isnan(number.value) else f"{100 * number.value:.0f}%"


def _named(case: Case) -> dict[str, str]:
    labels = {RIGHT: case.right, COMPETING: case.competing, CONTROL: case.control}
    return {role: label for role, label in labels.items() if label}


def _at_answer(case: Case, labels: Sequence[str]) -> list[list[float]]:
    """Return the log-probability of each label after each layer: shape [layers, labels]."""
    prompt, answering = case.prompt, case.prompt.answering
    tokens = [prompt.tokens(label) for label in labels]
    found: list[list[float]] = []

    def read(layer: int, hidden: "torch.Tensor") -> None:
        found.append(
            [summed(prompt.lens(hidden[row, answering : answering + len(ids)]), ids) for row, ids in enumerate(tokens)]
        )

    prompt.read(labels, [None], watch=read)
    return found


def _media(cases: Sequence[Case]) -> dict[Group, list[dict[str, tuple[float, float]]]]:
    """Return mean and highest log-probability of each label's first token, by group of media tokens and layer.

    Args:
        cases: questions about one stimulus.
    """
    import torch

    prompt = cases[0].prompt
    places = {
        group: torch.from_numpy(np.flatnonzero(prompt.map.of(group)))
        for group in (Group.VIDEO, Group.AUDIO)
        if prompt.map.of(group).any()
    }
    labels = list(dict.fromkeys(label for one in cases for label in _named(one).values()))
    wanted = [prompt.tokens(label)[0] for label in labels]
    found: dict[Group, list[dict[str, tuple[float, float]]]] = {group: [] for group in places}

    def read(layer: int, hidden: "torch.Tensor") -> None:
        for group, where in places.items():
            columns = torch.cat(
                [
                    prompt.lens(hidden[0, some.to(hidden.device)]).log_softmax(dim=-1)[:, wanted]
                    for some in torch.split(where, _TOKENS_AT_ONCE)
                ]
            )
            average, best = columns.mean(dim=0).tolist(), columns.amax(dim=0).tolist()
            found[group].append(dict(zip(labels, zip(average, best, strict=True), strict=True)))

    prompt.read_media(read)
    return found


def _heard(name: str, condition: str, modality: str, rows: "pd.DataFrame") -> Iterator[Number]:
    """Yield the share of wrong answers in which a label led over the competing one before the last layer."""
    if COMPETING not in set(rows["role"]):
        return
    wide = rows.pivot(index=["question_id", "clip"], columns=["role", "layer"], values="log_prob")
    last = int(rows["layer"].max())
    wrong = wide[wide[RIGHT, last] < wide[COMPETING, last]]
    clips = wrong.index.get_level_values("clip")
    where: dict[str, Any] = {"condition": condition, "modality": modality}
    for role in (RIGHT, CONTROL):
        if role not in wide.columns.get_level_values("role"):
            continue
        leads = wrong[role].to_numpy()[:, :last] > wrong[COMPETING].to_numpy()[:, :last]
        yield Number.of(share(leads.any(axis=1), clips), name, HEARD, group=role, **where)
        for layer in range(last):
            yield Number.of(share(leads[:, layer], clips), name, LEADS, group=role, layer=layer, **where)
