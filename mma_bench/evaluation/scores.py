"""Scores as a pure function of the questions and the stored answers."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mma_bench.dataset.load import Benchmark, Sample
from mma_bench.evaluation.analyses import Analysis, VerdictTable, analyse, verdict_table
from mma_bench.evaluation.analyses.table import SEVERAL, STANDARD, UNPARSED
from mma_bench.evaluation.judge.prompt import needs_judge
from mma_bench.evaluation.judge.record import Replies
from mma_bench.evaluation.option_confidence import OptionConfidence
from mma_bench.evaluation.statistics import Average, Estimate, macro_average, share
from mma_bench.evaluation.store import AnswerKeys, StoredAnswer
from mma_bench.evaluation.verdict import Verdict
from mma_bench.parsing import PARSER_VERSION, Parsed, parse_answer, speaks_of_both
from mma_bench.schema import Modality, Question

if TYPE_CHECKING:
    import pandas as pd


SCORES_VERSION = 2
"""Of the form of `scores.json`; 2 names the modalities ``visual`` and ``audio`` throughout."""


@dataclass(frozen=True)
class Cell:
    """The scores of one condition and modality. Every share is of all ``questions``.

    Attributes:
        questions: number of answers: clips times wordings times repeats.
        clips: number of clips that they are about.
        answerable: false if the asked modality was removed: then ``accuracy`` counts hallucinations.
        accuracy: share of answers that name the clip's class (micro average), with Wilson's interval at the
            effective number of answers (see `mma_bench.evaluation.statistics.share`).
        macro_accuracy: mean over classes of the share, with Wilson's interval at the effective number of clips (see
            `mma_bench.evaluation.statistics.macro_average`).
        distraction_rate: share of answers that name the class another modality suggests; under
            ``misleading_caption`` the caption-follow rate.
        hallucination_rate: share of answers that name a class, or several, although the asked modality was removed;
            otherwise 0.
        abstention_rate: share of answers that decline to choose.
        several_rate: share of answers that name several options without choosing one.
        unparsed_rate: share of answers in which no option was recognised.
        chance: expected share of correct answers when guessing among the options.
    """

    condition: str
    modality: Modality
    questions: int
    clips: int
    answerable: bool
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_accuracy: float
    macro_low: float
    macro_high: float
    distraction_rate: float
    hallucination_rate: float
    abstention_rate: float
    several_rate: float
    unparsed_rate: float
    chance: float

    def headline(self, average: Average) -> Estimate:
        """Return the accuracy over questions (``micro``) or over classes (``macro``).

        The protocol names one of them (`Scores.average`), and every table, figure and comparison leads with that one.
        """
        if average == "micro":
            return Estimate(self.accuracy, self.accuracy_low, self.accuracy_high, self.clips)
        return Estimate(self.macro_accuracy, self.macro_low, self.macro_high, self.clips)


@dataclass(frozen=True)
class Scores:
    """All scores of a run.

    Attributes:
        verdicts: every answer, parsed and compared with the right answer.
        missing: questions of the selection without a stored answer; they are in no denominator.
        variants: wordings that the cells, and the headline numbers of the analysis, average over.
        average: the headline average of the protocol: over questions (``micro``) or classes (``macro``).
        judge: title of the LLM judge, if there was one.
    """

    verdicts: Sequence[Verdict]
    missing: int
    variants: Sequence[str] = STANDARD
    average: Average = "micro"
    judge: str | None = None

    @property
    def unread(self) -> list[Verdict]:
        """The answers that are not empty but that neither a rule nor the judge could read."""
        return [verdict for verdict in self.verdicts if needs_judge(verdict.outcome, verdict.rule)]

    @functools.cached_property
    def table(self) -> VerdictTable:
        """The verdicts as columns."""
        return verdict_table(self.verdicts)

    @functools.cached_property
    def cells(self) -> Sequence[Cell]:
        """One cell per condition and modality, in the order of the tables."""
        found = []
        for condition in self.table.conditions:
            for modality in Modality:
                rows = self.table.select(condition=condition, modality=modality, variants=self.variants)
                if len(rows):
                    found.append(_cell(condition, modality, rows))
        return found

    @functools.cached_property
    def analysis(self) -> Analysis:
        """All other analyses of the answers."""
        return analyse(self.table, self.variants, self.average)

    def cell(self, condition: str, modality: Modality) -> Cell:
        """Return one cell; KeyError if the run has none."""
        for cell in self.cells:
            if cell.condition == condition and cell.modality is modality:
                return cell
        raise KeyError((condition, modality))

    def to_frame(self, table: str = "measures") -> "pd.DataFrame":
        """Return one table of the scores as a DataFrame; see `mma_bench.records.scores_frame` and docs/frames.md.

        Args:
            table: ``measures``, ``cells``, or an analysis of `scores.json` such as ``reliance``.

        Raises:
            MMABenchError: there is no such table.
        """
        from mma_bench.records.scores import scores_frame

        return scores_frame(self, table)

    def to_json(self) -> dict[str, Any]:
        """Return the scores without the single answers."""
        cells = [{name: _rounded(value) for name, value in asdict(cell).items()} for cell in self.cells]
        return {
            "scores_version": SCORES_VERSION,
            "parser_version": PARSER_VERSION,
            **({"judge": self.judge} if self.judge else {}),
            "missing": self.missing,
            "variants": list(self.variants),
            "average": self.average,
            "cells": cells,
            "analysis": self.analysis.to_json(),
        }


def score(
    benchmark: Benchmark,
    answers: Iterable[StoredAnswer],
    fingerprint: Mapping[str, str] | AnswerKeys,
    variants: Sequence[str] = STANDARD,
    *,
    average: Average = "micro",
    repeats: int = 1,
    judge: Replies | None = None,
) -> Scores:
    """Score stored answers; no model is called.

    Args:
        benchmark: the questions.
        answers: the stored answers.
        fingerprint: identity of the model whose answers count, or the keys made of it.
        variants: wordings that the cells average over.
        average: the headline average, see `Scores`.
        repeats: how often each question was asked.
        judge: replies of a judge about answers that no rule can read.
    """
    stored = {answer.id: answer for answer in answers}
    keys = fingerprint if isinstance(fingerprint, AnswerKeys) else AnswerKeys(fingerprint)
    read = _Reader()
    sure = OptionConfidence((answer.option_scores, answer.option_tokens) for answer in stored.values())
    verdicts: list[Verdict] = []
    missing = 0
    for sample in benchmark.samples:
        for question in sample.questions:
            for repeat, key in enumerate(keys.keys(sample.stimulus, question, repeats)):
                answer = stored.get(key)
                if answer is None:
                    missing += 1
                    continue
                parsed = read(answer.text, question)
                if judge:
                    parsed = judge.read(answer.text, question.options, question.modality, parsed)
                verdicts.append(_verdict(sample, question, answer, parsed, repeat, sure))
    return Scores(verdicts, missing, tuple(variants), average, judge.judge.title if judge else None)


class _Reader:
    """Parses each text once per set of options and, if it matters, modality: models repeat themselves.

    The order of the options does not affect parsing, so shuffled options share the result.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[str, ...], Modality | None], Parsed] = {}
        self._sets: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._of_both: dict[str, bool] = {}

    def __call__(self, text: str, question: Question) -> Parsed:
        order = tuple(question.options)
        names = self._sets.get(order)
        if names is None:
            names = self._sets[order] = tuple(sorted(order))
        if text not in self._of_both:
            self._of_both[text] = speaks_of_both(text)
        asked = question.modality if self._of_both[text] else None
        found = self._known.get((text, names, asked))
        if found is None:
            found = self._known[text, names, asked] = parse_answer(text, names, modality=asked)
        return found


def _verdict(
    sample: Sample, question: Question, answer: StoredAnswer, parsed: Parsed, repeat: int, sure: OptionConfidence
) -> Verdict:
    confidence, likeliest = sure.likeliest(answer.option_scores, answer.option_tokens, question.options)
    right = likeliest == question.answer
    return Verdict(sample, question, answer.text, parsed.label, parsed.outcome, parsed.rule, repeat, confidence, right)


def _cell(condition: str, modality: Modality, rows: VerdictTable) -> Cell:
    accuracy = share(rows.correct, rows.clip)
    macro = macro_average(rows.correct, rows.answer, rows.clip)
    answerable = bool(rows.answerable.all())
    return Cell(
        condition=condition,
        modality=modality,
        questions=len(rows),
        clips=accuracy.clips,
        answerable=answerable,
        accuracy=accuracy.value,
        accuracy_low=accuracy.low,
        accuracy_high=accuracy.high,
        macro_accuracy=macro.value,
        macro_low=macro.low,
        macro_high=macro.high,
        distraction_rate=float(rows.distracted.mean()),
        hallucination_rate=0.0 if answerable else float(rows.names_a_class.mean()),
        abstention_rate=float(rows.abstained.mean()),
        several_rate=float((rows.decision == SEVERAL).mean()),
        unparsed_rate=float((rows.decision == UNPARSED).mean()),
        chance=float((1 / rows.options).mean()),
    )


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
