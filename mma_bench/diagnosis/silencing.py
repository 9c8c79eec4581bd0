"""Silences attention heads where the question and the answer are read."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.diagnosis.unchanged import Start
from mma_bench.models.omni.attention import Attention

if TYPE_CHECKING:
    import torch

Head = tuple[int, int]
"""Layer and head, both counted from 0."""


@dataclass(frozen=True)
class Silencing:
    """Some heads write nothing.

    Attributes:
        heads: the heads.
    """

    heads: Collection[Head]

    @property
    def start(self) -> Start:
        """The first layer that changes."""
        return Start(min((layer for layer, _ in self.heads), default=0))

    def __call__(self, attention: Attention, output: "torch.Tensor", rows: slice) -> "torch.Tensor":
        """Return the output of ``rows`` without those heads."""
        own = [head for layer, head in self.heads if layer == attention.layer]
        if not own:
            return output
        changed = output.clone()
        changed[:, :, own] = 0
        return changed
