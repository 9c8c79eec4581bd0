"""Two runs over the same questions: paired tests, and the answers that flipped."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.analyses.table import VerdictTable, verdict_table
from mma_bench.evaluation.rescoring import Rescored, rescore
from mma_bench.evaluation.statistics import (
    Average,
    Estimate,
    average_difference,
    average_share,
    holm,
    mcnemar,
    share,
)
from mma_bench.evaluation.topology import topology_of
from mma_bench.evaluation.verdict import Verdict
from mma_bench.schema import Modality

ALL = "all conditions"
"""Instead of a condition, where all questions that can be answered are taken together."""


@dataclass(frozen=True)
class Difference:
    """One condition and modality of two runs, over the headline questions that both answered.

    If both answered all of them, ``first`` and ``second`` are the headline numbers of their reports: the same wordings,
    the same average.

    Attributes:
        condition: the condition.
        modality: what was asked about.
        pairs: answers to the same question, wording and repeat.
        answerable: false if the asked modality was removed: then "right" means a hallucination.
        first: accuracy of the first run, by the average that the protocol names.
        second: the same of the second run.
        difference: second minus first, by the same average, with its interval.
        lost: number of pairs that are right only in the first run.
        gained: number of pairs that are right only in the second run.
        decisions_changed: share of pairs with different decisions.
        p_value: of McNemar's test of ``lost`` against ``gained``, which counts questions whatever the average.
        p_adjusted: after Holm's correction over all rows.
        significant: ``p_adjusted`` below 0.05.
    """

    condition: str
    modality: Modality
    pairs: int
    answerable: bool
    first: Estimate
    second: Estimate
    difference: Estimate
    lost: int
    gained: int
    decisions_changed: Estimate
    p_value: float
    p_adjusted: float
    significant: bool


@dataclass(frozen=True)
class Flip:
    """A question that one run answered with ``answer`` and the other did not; see `Difference.answerable`.

    Attributes:
        headline: whether its wording counts in the differences. Flips in other wordings are listed too.
    """

    question_id: str
    repeat: int
    condition: str
    modality: Modality
    variant: str
    headline: bool
    answer: str
    answerable: bool
    first_right: bool
    first_label: str | None
    first_outcome: str
    first_text: str
    second_label: str | None
    second_outcome: str
    second_text: str


@dataclass(frozen=True)
class Comparison:
    """The second run against the first.

    Attributes:
        first: a run.
        second: the run that is compared with it.
        average: the average of ``differences``: over questions (``micro``) or over classes (``macro``).
        variants: the wordings that the differences are about.
        differences: one per condition and modality.
        flips: every question that only one of the runs answered correctly.
    """

    first: Rescored
    second: Rescored
    average: Average
    variants: Sequence[str]
    differences: Sequence[Difference]
    flips: Sequence[Flip]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "runs": [
                {
                    "model": run.run.model,
                    "protocol": run.run.asked.title,
                    "layout": str(topology_of(run.run.model_fingerprint) or "") or None,
                    "notes": run.notes,
                }
                for run in (self.first, self.second)
            ],
            "average": self.average,
            "variants": list(self.variants),
            "differences": [asdict(difference) for difference in self.differences],
            "flips": [asdict(flip) for flip in self.flips],
        }


def compare(first: Path, second: Path, data: Path | None = None) -> Comparison:
    """Compare two runs on the questions that both answered.

    Raises:
        MMABenchError: a folder is not a run, the runs have different data or protocols, or they have no question in
            common.
    """
    runs = [rescore(folder, data) for folder in (first, second)]
    heads = [run.run for run in runs]
    if heads[0].data_sha256 != heads[1].data_sha256 or heads[0].split != heads[1].split:
        raise MMABenchError(f"{first} and {second} are about different data; compare runs about the same")
    if heads[0].asked.wording != heads[1].asked.wording or heads[0].asked.seed != heads[1].asked.seed:
        raise MMABenchError(
            f"{first} and {second} asked in different words ({heads[0].asked.title}, {heads[1].asked.title}); "
            "compare runs of one protocol"
        )
    if (judges := [head.judge.title if head.judge else "none" for head in heads])[0] != judges[1]:
        raise MMABenchError(
            f"{first} and {second} were read with different judges ({judges[0]}; {judges[1]}); score both with one "
            "--judge, or with --no-judge"
        )
    before, after = in_common(runs[0].scores.verdicts, runs[1].scores.verdicts)
    if not before:
        raise MMABenchError(f"{first} and {second} have no question in common; there is nothing to compare")
    headline, average = runs[0].scores.variants, heads[0].asked.average
    flips = [_flip(a, b, headline) for a, b in zip(before, after, strict=True) if a.correct != b.correct]
    led = [place for place, verdict in enumerate(before) if verdict.variant in headline]
    if not led:
        raise MMABenchError(f"{first} and {second} have no question in common in the wordings {', '.join(headline)}")
    differences = differences_between([before[place] for place in led], [after[place] for place in led], average)
    return Comparison(runs[0], runs[1], average, headline, differences, flips)


def in_common(first: Sequence[Verdict], second: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """Return the verdicts about questions that are in both, in the same order."""
    known = {(verdict.question.question_id, verdict.repeat): verdict for verdict in second}
    pairs = [(v, found) for v in first if (found := known.get((v.question.question_id, v.repeat)))]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def over_conditions(before: Sequence[Verdict], after: Sequence[Verdict], average: Average) -> list[Difference]:
    """Return one difference per modality, over all questions that can be answered; p-values are not corrected."""
    kept = [place for place, verdict in enumerate(before) if verdict.question.answerable]
    both = verdict_table([*(before[place] for place in kept), *(after[place] for place in kept)])
    place = np.arange(len(kept))
    one, other = both.take(place), both.take(place + len(kept))
    rows = {modality: one.modality == str(modality) for modality in Modality}
    return [
        _difference(ALL, modality, one.take(chosen), other.take(chosen), average)
        for modality, chosen in rows.items()
        if chosen.any()
    ]


def differences_between(before: Sequence[Verdict], after: Sequence[Verdict], average: Average) -> list[Difference]:
    """Return one difference per condition and modality, of verdicts about the same questions in the same order."""
    both = verdict_table([*before, *after])  # one table, so that codes mean the same
    place = np.arange(len(before))
    one, other = both.take(place), both.take(place + len(before))
    found = []
    for condition in one.conditions:
        for modality in Modality:
            rows = (one.condition == condition) & (one.modality == str(modality))
            if rows.any():
                found.append(_difference(condition, modality, one.take(rows), other.take(rows), average))
    adjusted = holm([difference.p_value for difference in found])
    return [
        replace(difference, p_adjusted=float(p), significant=bool(p < 0.05))
        for difference, p in zip(found, adjusted, strict=True)
    ]


def _difference(
    condition: str, modality: Modality, one: VerdictTable, other: VerdictTable, average: Average
) -> Difference:
    before, after, clips, classes = one.correct, other.correct, one.clip, one.answer
    p_value = mcnemar(before, after, clips)
    return Difference(
        condition=condition,
        modality=modality,
        pairs=len(one),
        answerable=bool(one.answerable.all()),
        first=average_share(before, average, classes, clips),
        second=average_share(after, average, classes, clips),
        difference=average_difference(before, after, average, classes, clips),
        lost=int((before & ~after).sum()),
        gained=int((~before & after).sum()),
        decisions_changed=share(one.decision != other.decision, clips),
        p_value=p_value,
        p_adjusted=p_value,
        significant=p_value < 0.05,
    )


def _flip(first: Verdict, second: Verdict, headline: Sequence[str]) -> Flip:
    question = first.question
    return Flip(
        question_id=question.question_id,
        repeat=first.repeat,
        condition=question.condition,
        modality=question.modality,
        variant=question.variant,
        headline=question.variant in headline,
        answer=question.answer,
        answerable=question.answerable,
        first_right=first.correct,
        first_label=first.label,
        first_outcome=first.outcome,
        first_text=first.text,
        second_label=second.label,
        second_outcome=second.outcome,
        second_text=second.text,
    )
