"""Conditions that are not in levels: each is one function, which the builder, the stream and the tuning mix share."""

from mma_bench.conditions import captions, long_context, streams, unrelated_text  # noqa: F401  (they register ours)
from mma_bench.conditions.registry import (
    MEDIA,
    TEXT,
    Draw,
    Labels,
    MediaChoice,
    Noise,
    Part,
    Shared,
    Streams,
    TextCondition,
    code_of,
    media_condition,
    text_condition,
)

__all__ = [
    "MEDIA",
    "TEXT",
    "Draw",
    "Labels",
    "MediaChoice",
    "Noise",
    "Part",
    "Shared",
    "Streams",
    "TextCondition",
    "code_of",
    "media_condition",
    "text_condition",
]
