"""The fields of a question for a harness, and the parsing of answers as in the evaluator."""

from collections.abc import Mapping
from typing import Any

from mma_bench.dataset.load import QuestionRow
from mma_bench.parsing import Outcome, parse_answer

MEASURES = ("accuracy", "distraction_rate", "abstention_rate", "several_rate", "unparsed_rate")
"""Shares of all questions per condition and modality, as in `mma_bench.evaluation.scores.Cell`."""


def plain_row(row: QuestionRow, index: int) -> dict[str, Any]:
    """Return a question as plain values, without media; ``index`` is its position in the benchmark."""
    names = ("question_id", "condition", "prompt", "options", "answer", "distractor", "answerable")
    return {"index": index, "modality": str(row.modality), **{name: getattr(row, name) for name in names}}


def judge(row: Mapping[str, Any], text: str) -> dict[str, float]:
    """Return 1 for each of `MEASURES` that applies to the answer ``text`` to ``row``, otherwise 0."""
    parsed = parse_answer(text, row["options"], modality=row["modality"])
    named = parsed.label if parsed.outcome is Outcome.ANSWERED else None
    cases = {
        "accuracy": named == row["answer"],
        "distraction_rate": named is not None and named == row["distractor"],
        "abstention_rate": parsed.outcome is Outcome.ABSTAINED,
        "several_rate": parsed.outcome is Outcome.SEVERAL,
        "unparsed_rate": parsed.outcome is Outcome.UNPARSED,
    }
    return {name: float(case) for name, case in cases.items()}
