"""Protocols: what is asked, in which words, under which settings. Versioned, and known by a hash."""

from mma_bench.evaluation.protocols.deviations import deviations, model_options
from mma_bench.evaluation.protocols.lies import NearSynonyms
from mma_bench.evaluation.protocols.protocol import Protocol, VariantRule, Wording, load_protocol
from mma_bench.evaluation.protocols.questions import apply_protocol, near_synonyms_of

__all__ = [
    "NearSynonyms",
    "Protocol",
    "VariantRule",
    "Wording",
    "apply_protocol",
    "deviations",
    "load_protocol",
    "model_options",
    "near_synonyms_of",
]
