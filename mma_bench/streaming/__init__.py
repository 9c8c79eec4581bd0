"""Training data from shards: split, shuffled, with conflicts made on the fly, and resumable at any sample."""

from mma_bench.streaming.loader import StreamLoader
from mma_bench.streaming.pipeline import Stream, stream
from mma_bench.streaming.sample import StreamSample

__all__ = ["Stream", "StreamLoader", "StreamSample", "stream"]
