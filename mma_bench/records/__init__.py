"""Runs in the forms that other tools read: DataFrames of pandas, and records of Every Eval Ever."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_bench.records.answers import answers_frame, read_run
    from mma_bench.records.questions import questions_frame
    from mma_bench.records.scores import scores_frame, table_names

_HOMES = {
    "answers_frame": "answers",
    "questions_frame": "questions",
    "read_run": "answers",
    "scores_frame": "scores",
    "table_names": "scores",
}

__all__ = ["answers_frame", "questions_frame", "read_run", "scores_frame", "table_names"]


def __getattr__(name: str) -> Any:
    # Late, so that `mma-bench --help`, which imports `mma_bench.cli.export_run`, does not load what reads data.
    if name in _HOMES:
        return getattr(importlib.import_module(f"mma_bench.records.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mma_bench.records' has no attribute {name!r}")
