"""Blocks attention from some tokens to others, in some layers."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.diagnosis.unchanged import Start
from mma_bench.models.omni.attention import Attention

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_AT_ONCE = 64


@dataclass(frozen=True)
class Blocking:
    """No attention from some tokens to others. The rest of a token's attention is normalised again.

    A token can always see itself. Works with every kernel: the rows of the blocked tokens are computed again.

    Attributes:
        layers: where, counted from 0.
        sources: tokens after the media that must not look, shape [new tokens]; the last one also covers the tokens
            of the answer.
        targets: tokens that they must not see, shape [tokens before the answer].
    """

    layers: Collection[int]
    sources: "NDArray[np.bool_]"
    targets: "NDArray[np.bool_]"

    @property
    def start(self) -> Start:
        """The first layer and token that change."""
        return Start(min(self.layers, default=0), int(np.argmax(self.sources)))

    def __call__(self, attention: Attention, output: "torch.Tensor", rows: slice) -> "torch.Tensor":
        """Return the output of ``rows`` without that attention."""
        import torch

        if attention.layer not in self.layers:
            return output
        new, tokens = attention.query.shape[2], attention.key.shape[2]
        media = len(self.targets) - len(self.sources)
        first = max(0, tokens - new - media)  # new tokens before it were run earlier; none if a window hides the media
        sources = np.pad(self.sources, (0, first + new - len(self.sources)), constant_values=bool(self.sources[-1]))
        sources = sources[first:]
        seen = np.pad(self.targets, (0, media + first + new - len(self.targets)))[-tokens:]  # of a sliding window
        targets = torch.from_numpy(seen).to(output.device)
        changed = output.clone()
        for places in torch.split(torch.from_numpy(np.flatnonzero(sources)).to(output.device), _AT_ONCE):
            blocked = targets.expand(len(places), -1).clone()
            blocked[torch.arange(len(places), device=output.device), places + tokens - new] = False
            weights = attention.weights(places, rows, blocked)
            changed[:, places] = attention.attended(weights, rows).to(output.dtype)
        return changed
