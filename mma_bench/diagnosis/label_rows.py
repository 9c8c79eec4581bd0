"""Labels after a prompt, each scored as the beginning of the answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from mma_bench.models.omni.thinker import Thinker

_STATES_AT_ONCE = 128
"""Whose logits are held at once: 80 MB with a vocabulary of 150,000."""


class LabelRows:
    """Rows of tokens that follow a prompt: all labels in one row if the kernel takes any mask, else one row each.

    In one row, the prompt runs once for all labels, and no label sees another. The last token of a label predicts
    nothing and is left out.

    Args:
        labels: tokens of each label.
        together: whether all labels share a row.
        padding: token that fills rows on the right, where nothing looks.
    """

    def __init__(self, labels: Sequence[Sequence[int]], *, together: bool, padding: int) -> None:
        tails = [list(ids[:-1]) for ids in labels]
        self._labels = labels
        self._shared = together
        starts = [sum(map(len, tails[:n])) for n in range(len(tails))] if self._shared else [0] * len(tails)
        self._places = [
            [0, *range(1 + start, 1 + start + len(tail))] for start, tail in zip(starts, tails, strict=True)
        ]
        self._owners = [number for number, tail in enumerate(tails) for _ in tail]
        if self._shared:
            self.rows = [[token for tail in tails for token in tail]]
            self._offsets = [place for tail in tails for place in range(len(tail))]
        else:
            longest = max(map(len, tails))
            self.rows = [[*tail, *[padding] * (longest - len(tail))] for tail in tails]
            self._offsets = list(range(longest))

    @property
    def width(self) -> int:
        """Number of tokens after the prompt."""
        return len(self._offsets)

    def positions(self, prompt: int) -> "torch.Tensor":
        """Return the position of each token of a row of ``prompt`` tokens and the labels, counted from 0."""
        import torch

        return torch.tensor([*range(prompt), *(prompt + offset for offset in self._offsets)])

    def mask(self, prompt: int, before: int, dtype: "torch.dtype") -> "torch.Tensor | None":
        """Return what is added to the attention so that no label sees another; none if causal attention does that.

        Args:
            prompt: number of tokens of the prompt.
            before: number of tokens before them that are read already.
            dtype: of the model.

        Returns:
            0 where a token is visible, else the lowest number: shape [1, 1, tokens, tokens before and new].
        """
        import torch

        if not self._shared or len(set(self._owners)) < 2:
            return None
        new = prompt + self.width
        visible = torch.ones(new, before + new).tril(before).bool()
        owners = torch.tensor(self._owners)
        visible[prompt:, before + prompt :] &= owners[:, None] == owners
        lowest = torch.full(visible.shape, torch.finfo(dtype).min, dtype=dtype)
        return lowest.masked_fill(visible, 0)[None, None]

    def scores(self, thinker: "Thinker", hidden: "torch.Tensor") -> "tuple[NDArray[np.float64], NDArray[np.int64]]":
        """Return the log-probability of each label, the sum over its tokens, and the likeliest first token.

        Args:
            thinker: the model.
            hidden: last states from the answering position on, shape [runs x rows, 1 + `width`, hidden size].

        Returns:
            Scores of shape [runs, labels], and tokens of shape [runs].
        """
        import torch

        runs = hidden.reshape(-1, len(self.rows), *hidden.shape[1:])
        scores, first = [], []
        for some in torch.split(runs, max(1, _STATES_AT_ONCE // (runs.shape[1] * runs.shape[2]))):
            logits = thinker.logits(some)
            first.append(logits[:, 0, 0].argmax(dim=-1).cpu().numpy())
            likely = logits.log_softmax(dim=-1)
            found = [
                likely[:, 0 if self._shared else row, places, list(ids)].sum(dim=-1)
                for row, (places, ids) in enumerate(zip(self._places, self._labels, strict=True))
            ]
            scores.append(torch.stack(found, dim=1).double().cpu().numpy())
        return np.concatenate(scores), np.concatenate(first)
