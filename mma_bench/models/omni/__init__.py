"""Omni models of the transformers library, with the media of a stimulus encoded once for all its questions.

`EncodeOnce` takes arrays and needs torch and transformers only; `TransformersOmni` (in `model.py`) joins it to the
loader.
"""

from mma_bench.models.omni.answering import Asked, Reply
from mma_bench.models.omni.encode_once import AudioStream, EncodeOnce, VideoStream
from mma_bench.models.omni.settings import Settings, parse_settings

__all__ = ["Asked", "AudioStream", "EncodeOnce", "Reply", "Settings", "VideoStream", "parse_settings"]
