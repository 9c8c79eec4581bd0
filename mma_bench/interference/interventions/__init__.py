"""What is changed: each intervention is one function."""

from mma_bench.interference.interventions import heard, shown, texts
from mma_bench.interference.interventions.registry import (
    INTERVENTIONS,
    Change,
    Draw,
    Intervention,
    Strength,
    intervention,
)

__all__ = [
    "INTERVENTIONS",
    "Change",
    "Draw",
    "Intervention",
    "Strength",
    "heard",
    "intervention",
    "shown",
    "texts",
]
