"""Training data from shards: split, shuffled, with conflicts made on the fly, and resumable at any sample."""

import importlib
from typing import TYPE_CHECKING, Any

from mma_bench.extras import needs

if TYPE_CHECKING:
    from mma_bench.streaming.collate import TensorBatch, collate_tensors
    from mma_bench.streaming.loader import StreamLoader
    from mma_bench.streaming.pipeline import Stream, stream
    from mma_bench.streaming.sample import StreamSample

__all__ = ["Stream", "StreamLoader", "StreamSample", "TensorBatch", "collate_tensors", "stream"]

_HOMES = {
    "Stream": "pipeline",
    "StreamLoader": "loader",
    "StreamSample": "sample",
    "TensorBatch": "collate",
    "collate_tensors": "collate",
    "stream": "pipeline",
}


def __getattr__(name: str) -> Any:
    # Late, so that a training step, which needs the names of the conflicts alone, runs without webdataset and av.
    if name in _HOMES:
        with needs("streaming", "train"):
            return getattr(importlib.import_module(f"mma_bench.streaming.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mma_bench.streaming' has no attribute {name!r}")
