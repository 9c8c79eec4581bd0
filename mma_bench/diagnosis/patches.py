"""Exact patching: the hidden states of one run, put into another of the same tokens."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.diagnosis.omni_prompt import OmniPrompt, label_rows
from mma_bench.diagnosis.reading import rows_at_once
from mma_bench.diagnosis.unchanged import Start, Tokens, Unchanged

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

EMBEDDINGS = -1
"""In place of a layer: what enters the first one."""


@dataclass(frozen=True)
class Patch:
    """States to replace.

    Attributes:
        layer: after which layer, or `EMBEDDINGS`.
        places: which tokens, bool of shape [tokens before the answer].
    """

    layer: int
    places: "NDArray[np.bool_]"


@dataclass(frozen=True)
class States:
    """The hidden states of a run.

    Attributes:
        after: by layer, from `EMBEDDINGS` on: shape [tokens before the answer, hidden size].
        scores: log-probability of each label.
    """

    after: "dict[int, torch.Tensor]"
    scores: "NDArray[np.float64]"


class WholePrompt:
    """Runs all tokens of a prompt and a label, from the media on.

    Args:
        prompt: the question.
        labels: texts to score as the beginning of the answer.
        after: layers after which states are kept for patches; by default all.
    """

    def __init__(self, prompt: OmniPrompt, labels: Sequence[str], after: Sequence[int] | None = None) -> None:
        self._prompt = prompt
        tokens = [prompt.engine.chat.text(label) for label in labels]
        self._rows = label_rows(prompt.engine, tokens, prompt.map.length, 0)
        self._after = [EMBEDDINGS, *range(len(prompt.engine.thinker.layers))] if after is None else list(after)

    def states(self) -> States:
        """Return the hidden states and the scores."""
        import torch

        length = self._prompt.map.length
        with torch.inference_mode():
            scores = self._scores(self._unchanged.run(), 0)
            return States({layer: self._unchanged.after(layer)[0, :length] for layer in self._after}, scores[0])

    def patched(self, donor: States, patches: Sequence[Patch]) -> "NDArray[np.float64]":
        """Return the scores under each patch by itself: shape [patches, labels]."""
        import torch

        at_once = max(1, rows_at_once(self._prompt.map.length) // len(self._rows.rows))
        groups: dict[Start, list[int]] = {}
        for number, patch in enumerate(patches):
            groups.setdefault(Start(patch.layer + 1, int(np.argmax(patch.places))), []).append(number)
        found: dict[int, NDArray[np.float64]] = {}
        with torch.inference_mode():
            for start, members in groups.items():
                for first in range(0, len(members), at_once):
                    batch = members[first : first + at_once]
                    own = self._patched(donor, start, [patches[number] for number in batch])
                    found.update(zip(batch, own, strict=True))
        return np.stack([found[number] for number in range(len(patches))])

    def _patched(self, donor: States, start: Start, patches: Sequence[Patch]) -> "NDArray[np.float64]":
        """Return the scores under patches after the same layer, from the same token on."""
        import torch

        width = len(self._rows.rows)

        def put(hidden: "torch.Tensor") -> "torch.Tensor":
            for number, patch in enumerate(patches):
                places = torch.from_numpy(np.flatnonzero(patch.places)).to(hidden.device)
                states = donor.after[patch.layer].to(hidden.device, hidden.dtype)[places]
                hidden[number * width : (number + 1) * width, places - start.token] = states
            return hidden

        return self._scores(self._unchanged.changed(start, len(patches), put), start.token)

    def _scores(self, hidden: "torch.Tensor", first: int) -> "NDArray[np.float64]":
        """Return the scores, from last hidden states of the token ``first`` on: shape [runs, labels]."""
        scores, _ = self._rows.scores(self._prompt.engine.thinker, hidden[:, self._prompt.map.answering - first :])
        return scores

    @functools.cached_property
    def _unchanged(self) -> Unchanged:
        import torch

        prompt, inputs, rows = self._prompt, self._prompt.inputs, self._rows
        engine, thinker = prompt.engine, prompt.engine.thinker
        text = thinker.embed(torch.tensor([[*prompt.ids, *row] for row in rows.rows], device=thinker.device))
        embeddings = torch.cat([inputs.embeddings.expand(len(text), -1, -1), text], dim=1)
        before = inputs.layout.positions[:, None].to(thinker.device)
        after = before[..., -1:].max() + 1 + rows.positions(len(prompt.ids)).to(thinker.device)
        positions = torch.cat([before, after.expand(3, 1, -1)], dim=2).expand(-1, len(text), -1)
        video = torch.nn.functional.pad(inputs.video_mask, (0, text.shape[1])).expand(len(text), -1)
        mask = rows.mask(prompt.map.length, 0, thinker.model.dtype)
        tokens = Tokens(
            embeddings, positions, None if mask is None else mask.to(thinker.device), video, inputs.deepstack
        )
        return Unchanged(engine, tokens, None, self._after)
