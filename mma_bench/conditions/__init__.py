"""Conditions: each is one function, which the builder, the stream and the tuning mix share where it has no levels."""

from mma_bench.conditions import captions, long_context, streams, unrelated_text  # noqa: F401  (they register ours)
from mma_bench.conditions.registry import (
    GRADED,
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
    graded_condition,
    media_condition,
    text_condition,
)

__all__ = [
    "GRADED",
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
    "graded_condition",
    "media_condition",
    "text_condition",
]
