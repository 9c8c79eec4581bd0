"""Measure what multimodal models do when video, audio and text disagree.

Heavy libraries load when they are first needed: importing this package takes milliseconds.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError

if TYPE_CHECKING:
    from mma_bench import models
    from mma_bench.dataset.load import load
    from mma_bench.evaluation import evaluate
    from mma_bench.parsing import parse_answer
    from mma_bench.records import read_run
    from mma_bench.streaming import stream

__version__ = "0.1.0"  # the only place: pyproject.toml reads it, and tests compare CITATION.cff and CHANGELOG.md

__all__ = ["MMABenchError", "__version__", "evaluate", "load", "models", "parse_answer", "read_run", "stream"]

_HOMES = {
    "evaluate": "mma_bench.evaluation",
    "load": "mma_bench.dataset.load",
    "parse_answer": "mma_bench.parsing",
    "read_run": "mma_bench.records",
    "stream": "mma_bench.streaming",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "models":
        return importlib.import_module("mma_bench.models")
    raise AttributeError(f"module 'mma_bench' has no attribute {name!r}")
