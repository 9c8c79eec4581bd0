"""The answers of a run as a DataFrame."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.evaluation.kinds import Kind, kind_of
from mma_bench.evaluation.rescoring import Rescored, rescore
from mma_bench.evaluation.store import StoredAnswer
from mma_bench.parsing import Outcome
from mma_bench.records.columns import categories, integers, numbers, texts
from mma_bench.records.questions import classes_of, question_columns

if TYPE_CHECKING:
    import pandas as pd


def read_run(run: str | Path, data: str | Path | None = None, *, judged: bool = True) -> "pd.DataFrame":
    """Read a run: one row per answer, with its question, how it was parsed, and what it cost.

    The answers are parsed and judged as in `mma-bench score`, so the frame agrees with `scores.json`. Questions
    without an answer have no row. docs/frames.md lists the columns and shows how to use them.

    Args:
        run: folder of a run.
        data: the dataset, if it has moved since the run.
        judged: count the decisions of the run's judge, if it has one.

    Raises:
        MMABenchError: ``run`` is not a run or contains no answers, or the data is missing or has changed since.
    """
    return answers_frame(rescore(Path(run), None if data is None else Path(data), judged=judged))


def answers_frame(rescored: Rescored) -> "pd.DataFrame":
    """Return the answers of a run that was scored, one row each."""
    import pandas as pd

    verdicts = rescored.scores.verdicts
    stored = [rescored.stored(verdict) for verdict in verdicts]
    classes = classes_of(rescored.benchmark)
    columns = question_columns([(verdict.sample, verdict.question) for verdict in verdicts], classes)
    headline = frozenset(rescored.scores.variants)
    columns |= {
        "answer_id": texts(answer.id for answer in stored),
        "headline": pd.Series([verdict.variant in headline for verdict in verdicts], dtype=bool),
        "repeat": pd.Series([verdict.repeat for verdict in verdicts], dtype="int64"),
        "text": texts(verdict.text for verdict in verdicts),
        "label": categories((verdict.label for verdict in verdicts), classes),
        "outcome": categories((str(verdict.outcome) for verdict in verdicts), [str(name) for name in Outcome]),
        "rule": categories((verdict.rule for verdict in verdicts), ()),
        "verdict": categories((str(kind_of(verdict)) for verdict in verdicts), [str(name) for name in Kind]),
        "correct": pd.Series([verdict.correct for verdict in verdicts], dtype=bool),
        "distracted": pd.Series([verdict.distracted for verdict in verdicts], dtype=bool),
        "confidence": numbers(verdict.confidence for verdict in verdicts),
        "option_scores": _aligned([answer.option_scores for answer in stored], columns["options"]),
        "option_tokens": _aligned([answer.option_tokens for answer in stored], columns["options"]),
        **_costs(stored),
    }
    return pd.DataFrame(columns)


def _costs(stored: Sequence[StoredAnswer]) -> "dict[str, pd.Series[Any]]":
    """Return what the answers cost. Runs of earlier versions did not record it: all is missing then."""

    def field(name: str) -> list[Any]:
        return [getattr(answer, name, None) for answer in stored]

    return {
        "input_tokens": integers(field("input_tokens")),
        "output_tokens": integers(field("output_tokens")),
        "seconds": numbers(field("seconds")),
        "finish_reason": texts(field("finish_reason")),
        "served_by": texts(field("served_by")),
        "reasoning": texts(field("reasoning")),
    }


def _aligned(values: Sequence[Mapping[str, float]], options: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return, for each row, one number for each option, in the order of ``options``; None where there are none.

    Arrays of shape [options], float64; NaN for an option without a number.
    """
    import numpy as np
    import pandas as pd

    found = [
        np.array([known.get(name, math.nan) for name in names], dtype=np.float64) if known else None
        for known, names in zip(values, options, strict=True)
    ]
    return pd.Series(found, dtype=object)
