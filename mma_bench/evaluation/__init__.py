"""The reference evaluator: ask, store raw answers, score."""

from mma_bench.evaluation.runner import evaluate
from mma_bench.evaluation.scores import Cell, Scores, Verdict, score
from mma_bench.evaluation.store import AnswerStore, Run, open_run

__all__ = ["AnswerStore", "Cell", "Run", "Scores", "Verdict", "evaluate", "open_run", "score"]
