"""Checkpoints of any family, read through their own processor and their own `generate`.

`PlainEngine` takes arrays and needs torch and transformers only; `PlainModel` (in `model.py`) joins it to the loader.
"""

from mma_bench.models.plain.engine import PlainEngine
from mma_bench.models.plain.family import FAMILIES, PlainFamily

__all__ = ["FAMILIES", "PlainEngine", "PlainFamily"]
