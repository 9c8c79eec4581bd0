"""Wordings of a question: other options, captions, noise. Pure functions; what lies is the condition's affair."""

from mma_bench.questions import (  # noqa: F401  (they register the variants)
    captions,
    detection,
    noise,
    options,
    rephrasing,
    transcripts,
)
from mma_bench.questions.prompts import reword
from mma_bench.questions.registry import STANDARD, VARIANTS, Context, Variant, applies, find_variant, vary
from mma_bench.questions.unrelated import unrelated_sentences

__all__ = [
    "STANDARD",
    "VARIANTS",
    "Context",
    "Variant",
    "applies",
    "find_variant",
    "reword",
    "unrelated_sentences",
    "vary",
]
