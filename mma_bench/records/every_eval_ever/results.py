"""The results of a run: one for each condition, asked modality and metric, and for each further wording."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mma_bench.evaluation.rescoring import Rescored
from mma_bench.evaluation.scores import Cell, Scores
from mma_bench.evaluation.statistics import Average, Estimate, share
from mma_bench.evaluation.verdict import Verdict
from mma_bench.schema import CONDITIONS, Modality

ACCURACY, ABSTENTION, DISTRACTION, HALLUCINATION = (
    *("accuracy", "abstention_rate", "distraction_rate", "hallucination_rate"),
)
_LOWER_IS_BETTER = frozenset({DISTRACTION, HALLUCINATION})
_MEANINGS = {
    ACCURACY: "share of answers that name the class of the modality that was asked about",
    ABSTENTION: "share of answers that decline to choose; the modality that was asked about had been removed",
    DISTRACTION: "share of answers that name the class that another modality, or the text, suggests",
    HALLUCINATION: "share of answers that name classes though the modality that was asked about had been removed",
}


@dataclass(frozen=True)
class Result:
    """One metric over a group of answers.

    Attributes:
        group: condition and modality, and the wording where it is not one of the headline's.
        metric: what is measured.
        estimate: the score with its 95% interval; bounds are NaN where there are none.
        answers: how many answers it is over.
        average: ``micro`` or ``macro`` over classes.
        variants: the wordings that count.
        details: further numbers, as text.
    """

    group: str
    metric: str
    estimate: Estimate
    answers: int
    average: str
    variants: tuple[str, ...]
    details: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Stable name within the run."""
        return f"{self.group}/{self.metric}"

    @property
    def lower_is_better(self) -> bool:
        """Whether a lower score is better."""
        return self.metric in _LOWER_IS_BETTER

    @property
    def description(self) -> str:
        """What was done to the media or the text, and what is measured."""
        condition, modality, *_ = self.group.split("/")
        known = CONDITIONS.get(condition)
        meaning = _MEANINGS[self.metric] + (", mean over classes" if self.average == "macro" else "")
        return f"{known.description if known else condition}; asked about: {modality}; {meaning}"


def results(rescored: Rescored) -> list[Result]:
    """Return the results of a run; those of the headline wordings first. A score that is not finite is left out."""
    scores, average = rescored.scores, rescored.scores.average
    found = [result for cell in scores.cells for result in _of_cell(scores, cell, average)]
    found += _of_other_wordings(scores)
    return [result for result in found if math.isfinite(result.estimate.value)]


def result_id(verdict: Verdict, scores: Scores) -> str:
    """Return the result that an answer counts for: accuracy, or, where the modality was removed, abstention."""
    question = verdict.question
    group = _group(question.condition, str(question.modality), question.variant, scores)
    return f"{group}/{ACCURACY if question.answerable else ABSTENTION}"


def _of_cell(scores: Scores, cell: Cell, average: Average) -> Iterator[Result]:
    rows = scores.table.select(condition=cell.condition, modality=cell.modality, variants=scores.variants)
    shared: dict[str, Any] = {
        "group": f"{cell.condition}/{cell.modality}",
        "answers": cell.questions,
        "variants": tuple(scores.variants),
        "details": _details(cell),
    }
    if cell.answerable:
        yield Result(metric=ACCURACY, estimate=cell.headline(average), average=average, **shared)
        if (rows.distractor >= 0).any():
            distracted = share(rows.distracted, rows.clip)
            yield Result(metric=DISTRACTION, estimate=distracted, average="micro", **shared)
    else:
        yield Result(metric=ABSTENTION, estimate=share(rows.abstained, rows.clip), average="micro", **shared)
        named = share(rows.names_a_class, rows.clip)
        yield Result(metric=HALLUCINATION, estimate=named, average="micro", **shared)


def _of_other_wordings(scores: Scores) -> Iterator[Result]:
    table = scores.table
    others = sorted(set(table.variant.tolist()) - set(scores.variants))
    for condition in table.conditions:
        for modality in Modality:
            for variant in others:
                rows = table.select(condition=condition, modality=modality, variants=[variant])
                if not len(rows):
                    continue
                answerable = bool(rows.answerable.all())
                yield Result(
                    group=_group(condition, str(modality), variant, scores),
                    metric=ACCURACY if answerable else ABSTENTION,
                    estimate=share(rows.correct if answerable else rows.abstained, rows.clip),
                    answers=len(rows),
                    average="micro",
                    variants=(variant,),
                    details={"clips": str(len(set(rows.clip.tolist())))},
                )


def _group(condition: str, modality: str, variant: str, scores: Scores) -> str:
    return f"{condition}/{modality}" if variant in scores.variants else f"{condition}/{modality}/{variant}"


def _details(cell: Cell) -> dict[str, str]:
    rates = ("accuracy", "macro_accuracy", "distraction_rate", "abstention_rate", "several_rate", "unparsed_rate")
    numbers = {name: getattr(cell, name) for name in (*rates, "chance")}
    shown = {name: f"{value:.6g}" for name, value in numbers.items() if math.isfinite(value)}
    return {"clips": str(cell.clips), **shown}
