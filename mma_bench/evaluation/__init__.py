"""The reference evaluator: ask by a protocol, store raw answers, score, compare."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_bench.evaluation.comparison import Comparison, compare
    from mma_bench.evaluation.protocols import Protocol, load_protocol
    from mma_bench.evaluation.published import PublishedResult, published_results
    from mma_bench.evaluation.rescoring import Rescored, rescore
    from mma_bench.evaluation.runner import evaluate
    from mma_bench.evaluation.scores import Cell, Scores, score
    from mma_bench.evaluation.shards.merging import merge_runs
    from mma_bench.evaluation.store import AnswerStore, Run, open_run
    from mma_bench.evaluation.verdict import Verdict

_HOMES = {
    "AnswerStore": "store",
    "Cell": "scores",
    "Comparison": "comparison",
    "Protocol": "protocols",
    "PublishedResult": "published",
    "Rescored": "rescoring",
    "Run": "store",
    "Scores": "scores",
    "Verdict": "verdict",
    "compare": "comparison",
    "evaluate": "runner",
    "load_protocol": "protocols",
    "merge_runs": "shards.merging",
    "open_run": "store",
    "published_results": "published",
    "rescore": "rescoring",
    "score": "scores",
}

__all__ = [
    "AnswerStore",
    "Cell",
    "Comparison",
    "Protocol",
    "PublishedResult",
    "Rescored",
    "Run",
    "Scores",
    "Verdict",
    "compare",
    "evaluate",
    "load_protocol",
    "merge_runs",
    "open_run",
    "published_results",
    "rescore",
    "score",
]


def __getattr__(name: str) -> Any:
    # Late, so that `mma-bench --help`, which imports `mma_bench.cli.compare`, does not load what reads data.
    if name in _HOMES:
        return getattr(importlib.import_module(f"mma_bench.evaluation.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mma_bench.evaluation' has no attribute {name!r}")
