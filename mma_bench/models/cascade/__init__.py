"""The cascade: a pretrained audio tagger and image classifier, matched to the options by meaning.

The weights come from ordinary packages (see `weights.py`); nothing is downloaded from a hub and no GPU is needed.
"""

from mma_bench.models.cascade.emptiness import is_black, is_silent
from mma_bench.models.cascade.evidence import AudioEvidence, Observation, VisualEvidence
from mma_bench.models.cascade.scorer import CascadeScorer
from mma_bench.models.cascade.weights import INSTALL_COMMAND

__all__ = [
    "INSTALL_COMMAND",
    "AudioEvidence",
    "CascadeScorer",
    "Observation",
    "VisualEvidence",
    "is_black",
    "is_silent",
]
