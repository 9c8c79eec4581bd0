"""Scores as a pure function of the questions and the stored answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mma_bench.evaluation.intervals import macro_average, wilson
from mma_bench.evaluation.store import StoredAnswer, answer_id
from mma_bench.loader import Benchmark, Sample
from mma_bench.parsing import PARSER_VERSION, Outcome, parse_answer
from mma_bench.schema import CONDITIONS, Modality, Question


@dataclass(frozen=True)
class Verdict:
    """One answer, read and judged.

    Attributes:
        sample: the stimulus.
        question: the question.
        text: the raw answer.
        label: the option that the answer names, if it names one.
        outcome: how the answer was understood.
        rule: the parser's rule that decided.
    """

    sample: Sample
    question: Question
    text: str
    label: str | None
    outcome: Outcome
    rule: str

    @property
    def correct(self) -> bool:
        """Whether the answer is the clip's class; a hallucination where the question is not answerable."""
        return self.outcome is Outcome.ANSWERED and self.label == self.question.answer

    @property
    def distracted(self) -> bool:
        """Whether the answer is the class that another modality suggests."""
        return self.outcome is Outcome.ANSWERED and self.label is not None and self.label == self.question.distractor


@dataclass(frozen=True)
class Cell:
    """The scores of one condition and modality. Every share is of all ``questions``.

    Attributes:
        questions: how many were answered.
        answerable: false where the asked modality was removed: then ``accuracy`` counts hallucinations.
        accuracy: share of answers that name the clip's class (micro average), with Wilson's interval.
        macro_accuracy: mean over classes of the share, with Jeffreys' interval.
        distraction_rate: share of answers that name the class another modality suggests.
        abstention_rate: share of answers that decline to choose.
        several_rate: share of answers that name several options and settle on none.
        unparsed_rate: share of answers in which no option was recognised.
        chance: share that guessing among the options would get right.
    """

    condition: str
    modality: Modality
    questions: int
    answerable: bool
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_accuracy: float
    macro_low: float
    macro_high: float
    distraction_rate: float
    abstention_rate: float
    several_rate: float
    unparsed_rate: float
    chance: float


@dataclass(frozen=True)
class Scores:
    """All scores of a run."""

    cells: Sequence[Cell]
    verdicts: Sequence[Verdict]
    missing: int
    """Questions of the selection without a stored answer; they are in no denominator of the cells."""

    def cell(self, condition: str, modality: Modality) -> Cell:
        """Return one cell; KeyError if the run has none."""
        for cell in self.cells:
            if cell.condition == condition and cell.modality is modality:
                return cell
        raise KeyError((condition, modality))

    def to_json(self) -> dict[str, Any]:
        """Return the scores without the single answers."""
        cells = [{name: _rounded(value) for name, value in asdict(cell).items()} for cell in self.cells]
        return {"parser_version": PARSER_VERSION, "missing": self.missing, "cells": cells}


def score(benchmark: Benchmark, answers: Iterable[StoredAnswer], fingerprint: Mapping[str, str]) -> Scores:
    """Score stored answers; nothing is asked of a model."""
    stored = {answer.id: answer for answer in answers}
    verdicts: list[Verdict] = []
    missing = 0
    for sample in benchmark.samples:
        for question in sample.questions:
            answer = stored.get(answer_id(sample.stimulus, question, fingerprint))
            if answer is None:
                missing += 1
                continue
            parsed = parse_answer(answer.text, question.options)
            verdicts.append(Verdict(sample, question, answer.text, parsed.label, parsed.outcome, parsed.rule))
    return Scores(_cells(verdicts), verdicts, missing)


def _cells(verdicts: Sequence[Verdict]) -> list[Cell]:
    groups: dict[tuple[str, Modality], list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault((verdict.question.condition, verdict.question.modality), []).append(verdict)
    names = list(CONDITIONS) + sorted({condition for condition, _ in groups} - CONDITIONS.keys())
    return [_cell(groups[name, modality]) for name in names for modality in Modality if (name, modality) in groups]


def _cell(group: Sequence[Verdict]) -> Cell:
    first = group[0].question
    total = len(group)
    right = [verdict.correct for verdict in group]
    low, high = wilson(sum(right), total)
    macro, macro_low, macro_high = macro_average(right, [verdict.question.answer for verdict in group])
    outcomes = [verdict.outcome for verdict in group]
    return Cell(
        condition=first.condition,
        modality=first.modality,
        questions=total,
        answerable=first.answerable,
        accuracy=sum(right) / total,
        accuracy_low=low,
        accuracy_high=high,
        macro_accuracy=macro,
        macro_low=macro_low,
        macro_high=macro_high,
        distraction_rate=sum(verdict.distracted for verdict in group) / total,
        abstention_rate=outcomes.count(Outcome.ABSTAINED) / total,
        several_rate=outcomes.count(Outcome.SEVERAL) / total,
        unparsed_rate=outcomes.count(Outcome.UNPARSED) / total,
        chance=sum(1 / len(verdict.question.options) for verdict in group) / total,
    )


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
