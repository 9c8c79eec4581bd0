"""Exact patching: the hidden states of one run, put into another of the same tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.diagnosis.hidden_states import watched
from mma_bench.diagnosis.omni_prompt import OmniPrompt
from mma_bench.diagnosis.reading import rows_at_once, summed

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from mma_bench.diagnosis.hidden_states import Watch

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
    """

    def __init__(self, prompt: OmniPrompt, labels: Sequence[str]) -> None:
        self._prompt = prompt
        self._tokens = [prompt.engine.chat.text(label) for label in labels]

    def states(self) -> States:
        """Return all hidden states and the scores."""
        import torch

        length = self._prompt.map.length
        found: dict[int, torch.Tensor] = {}

        def keep(layer: int, hidden: "torch.Tensor") -> None:
            found[layer] = hidden[0, :length].clone()

        with torch.inference_mode():
            embeddings = self._embeddings(1)
            found[EMBEDDINGS] = embeddings[0, :length].clone()
            scores = self._run(embeddings, keep)
        return States(found, scores[0])

    def patched(self, donor: States, patches: Sequence[Patch]) -> "NDArray[np.float64]":
        """Return the scores under each patch by itself: shape [patches, labels]."""
        import torch

        at_once = max(1, rows_at_once(self._prompt.map.length) // len(self._tokens))
        found = []
        with torch.inference_mode():
            for start in range(0, len(patches), at_once):
                found.append(self._patched(donor, patches[start : start + at_once]))
        return np.concatenate(found)

    def _patched(self, donor: States, patches: Sequence[Patch]) -> "NDArray[np.float64]":
        import torch

        width = len(self._tokens)

        def put(layer: int, hidden: "torch.Tensor") -> "torch.Tensor | None":
            chosen = [number for number, patch in enumerate(patches) if patch.layer == layer]
            if not chosen:
                return None
            changed = hidden.clone()
            for number in chosen:
                places = torch.from_numpy(np.flatnonzero(patches[number].places)).to(hidden.device)
                states = donor.after[layer][places.to(donor.after[layer].device)]
                changed[number * width : (number + 1) * width, places] = states.to(hidden.device, hidden.dtype)
            return changed

        embeddings = self._embeddings(len(patches))
        changed = put(EMBEDDINGS, embeddings)
        return self._run(embeddings if changed is None else changed, put)

    def _embeddings(self, copies: int) -> "torch.Tensor":
        """Return the embeddings of ``copies`` rows per label, padded on the right where nothing looks."""
        import torch

        prompt, thinker = self._prompt, self._prompt.engine.thinker
        longest = max(len(ids) for ids in self._tokens) - 1
        rows = [[*prompt.ids, *ids[:-1]] for ids in self._tokens]
        padded = [[*row, *[prompt.engine.chat.end_id] * (len(prompt.ids) + longest - len(row))] for row in rows]
        text = thinker.embed(torch.tensor(padded * copies, device=thinker.device))
        return torch.cat([prompt.inputs.embeddings.expand(len(text), -1, -1), text], dim=1)

    def _run(self, embeddings: "torch.Tensor", watch: "Watch") -> "NDArray[np.float64]":
        """Return the scores: shape [copies, labels]."""
        import torch

        prompt, inputs = self._prompt, self._prompt.inputs
        engine, thinker = prompt.engine, prompt.engine.thinker
        rows, length = embeddings.shape[:2]
        before = inputs.layout.positions[:, None].to(thinker.device)
        after = before[..., -1:].max() + 1 + torch.arange(length - before.shape[2], device=thinker.device)
        positions = torch.cat([before, after.expand(3, 1, -1)], dim=2).expand(-1, rows, -1)
        mask = torch.nn.functional.pad(inputs.video_mask, (0, length - before.shape[2])).expand(rows, -1)
        deepstack = tuple(level.repeat(rows, 1) for level in inputs.deepstack)
        with watched(thinker, watch):
            hidden = thinker.run(
                embeddings, positions, engine.answering.new_cache(), video_mask=mask, deepstack=deepstack
            )
        begin, width = prompt.map.answering, len(self._tokens)
        scores = [
            summed(thinker.logits(hidden[row, begin : begin + len(ids)]), ids)
            for row in range(rows)
            for ids in [self._tokens[row % width]]
        ]
        return np.array(scores).reshape(-1, width)
