"""The terms of the objective, each in a module with its formula and source."""

from mma_bench.tuning.objective.adversarial import perturbation, spread
from mma_bench.tuning.objective.consistency import divergence
from mma_bench.tuning.objective.language import language
from mma_bench.tuning.objective.masks import irrelevant, modality_masks
from mma_bench.tuning.objective.preference import log_likelihoods, preference, rejected
from mma_bench.tuning.objective.sft import cross_entropy
from mma_bench.tuning.objective.variants import conflict_variants

__all__ = [
    "conflict_variants",
    "cross_entropy",
    "divergence",
    "irrelevant",
    "language",
    "log_likelihoods",
    "modality_masks",
    "perturbation",
    "preference",
    "rejected",
    "spread",
]
