"""Modality interference (arXiv 2505.19616): does an input that should not matter change a model's decision?"""

from mma_bench.interference.interventions import INTERVENTIONS, Change, Draw, Strength, intervention
from mma_bench.interference.items import Item, Media
from mma_bench.interference.results import Effect, Results
from mma_bench.interference.run import interfere

__all__ = [
    "INTERVENTIONS",
    "Change",
    "Draw",
    "Effect",
    "Item",
    "Media",
    "Results",
    "Strength",
    "interfere",
    "intervention",
]
