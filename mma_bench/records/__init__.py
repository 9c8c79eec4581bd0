"""Runs in the forms that other tools read: frames of pandas, and the records of Every Eval Ever."""

from mma_bench.records.answers import answers_frame, read_run
from mma_bench.records.questions import questions_frame
from mma_bench.records.scores import scores_frame, table_names

__all__ = ["answers_frame", "questions_frame", "read_run", "scores_frame", "table_names"]
