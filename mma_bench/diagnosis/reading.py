"""One question about one stimulus, ready to be run again and again with changes inside the model."""

import functools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mma_bench.diagnosis.hidden_states import Watch, watched
from mma_bench.diagnosis.token_map import TokenMap, map_tokens
from mma_bench.models.omni.answering import Prefix
from mma_bench.models.omni.attention import Attention, Hook, hooked
from mma_bench.schema import Question

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from mma_bench.models.omni.encode_once import EncodeOnce, MediaInputs

_TOKENS_AT_ONCE = 36_000
"""Of all rows of a batch: keys and values of the whole prompts take 2 GB for a 7B model."""

_MOST_ROWS = 64


def rows_at_once(tokens: int) -> int:
    """Return how many rows of a prompt of ``tokens`` tokens run in one batch."""
    return max(1, min(_MOST_ROWS, _TOKENS_AT_ONCE // tokens))


class Intervention(Protocol):
    """A change of the attention of some rows of a batch."""

    def __call__(self, attention: Attention, output: "torch.Tensor", rows: slice) -> "torch.Tensor":
        """Return the output of ``rows``, shape [rows, new tokens, heads, head size]; must not change in place."""


@dataclass(frozen=True)
class Reading:
    """What came out.

    Attributes:
        scores: log-probability of each label as the beginning of the answer, the sum over its tokens.
        first: the likeliest first token of the answer.
    """

    scores: "NDArray[np.float64]"
    first: int


class Prompt:
    """A question about streams that are encoded and read already.

    Everything before the question is run once; changes take effect where the question and the answer are read.

    Args:
        engine: the model.
        inputs: the encoded streams.
        prefix: keys and values of everything before the question.
        question: what is asked.
    """

    def __init__(self, engine: "EncodeOnce", inputs: "MediaInputs", prefix: Prefix, question: Question) -> None:
        self.engine = engine
        self.inputs = inputs
        self.prefix = prefix
        self.question = question
        self.ids = engine.chat.question(question.prompt)

    @functools.cached_property
    def map(self) -> TokenMap:
        """What each token is."""
        return map_tokens(self.engine, self.inputs.grid, self.inputs.frames, self.question, self.question.answer)

    @property
    def answering(self) -> int:
        """Number of the token of the question that predicts the answer's first token."""
        return len(self.ids) - 1

    def look(self, hook: Hook) -> None:
        """Run the question once, and let ``hook`` see its attention."""
        import torch

        with torch.inference_mode(), hooked(self.engine.thinker, hook):
            self._run([self.ids])

    def read(
        self, labels: Sequence[str], interventions: Sequence[Intervention | None], watch: Watch | None = None
    ) -> list[Reading]:
        """Return what the model makes of the question under each intervention (none: as it is).

        Args:
            labels: texts to score, each run as the beginning of the answer.
            interventions: the changes.
            watch: sees the hidden states after every layer, of a batch in which each intervention has one row for each
                label, in order; see `label_places`.
        """
        tokens = [self.engine.chat.text(label) for label in labels]
        at_once = max(1, rows_at_once(self.prefix.length + len(self.ids)) // len(labels))
        found: list[Reading] = []
        for start in range(0, len(interventions), at_once):
            found += self._read(tokens, interventions[start : start + at_once], watch)
        return found

    def label_places(self, label: str) -> "NDArray[np.int64]":
        """Return the new tokens that predict those of ``label``."""
        return np.arange(len(self.engine.chat.text(label))) + self.answering

    def _read(
        self, labels: Sequence[Sequence[int]], interventions: Sequence[Intervention | None], watch: Watch | None
    ) -> list[Reading]:
        import torch

        width, thinker = len(labels), self.engine.thinker
        rows = [[*self.ids, *label[:-1]] for _ in interventions for label in labels]

        def change(attention: Attention, output: "torch.Tensor") -> "torch.Tensor":
            parts = [
                output[part] if each is None else each(attention, output[part], part)
                for each, part in ((one, slice(i * width, (i + 1) * width)) for i, one in enumerate(interventions))
            ]
            return torch.cat(parts)

        with torch.inference_mode(), ExitStack() as stack:
            if any(interventions):
                stack.enter_context(hooked(thinker, change))
            if watch is not None:
                stack.enter_context(watched(thinker, watch))
            hidden = self._run(rows)
            found = []
            for number in range(len(interventions)):
                scores = []
                for place, label in enumerate(labels):
                    states = hidden[number * width + place, self.answering : self.answering + len(label)]
                    logits = thinker.logits(states)
                    if not place:
                        first = int(logits[0].argmax())
                    scores.append(summed(logits, label))
                found.append(Reading(np.array(scores), first))
        return found

    def _run(self, rows: Sequence[Sequence[int]]) -> "torch.Tensor":
        """Run rows of token ids after the media; rows are padded on the right, where nothing looks."""
        import torch

        thinker, answering = self.engine.thinker, self.engine.answering
        width = max(len(row) for row in rows)
        padded = [[*row, *[self.engine.chat.end_id] * (width - len(row))] for row in rows]
        token_ids = torch.tensor(padded, device=thinker.device)
        cache = answering.new_cache()
        for number, layer in enumerate(self.prefix.cache.layers):
            shape = len(rows), -1, -1, -1
            cache.update(layer.keys.expand(*shape), layer.values.expand(*shape), number)
        offsets = torch.arange(width, device=thinker.device)
        positions = (self.prefix.next_position + offsets).expand(3, len(rows), -1)
        return thinker.run(thinker.embed(token_ids), positions, cache)


def summed(logits: "torch.Tensor", label: Sequence[int]) -> float:
    """Return the log-probability of a label's tokens, from logits of shape [tokens, vocabulary]."""
    import torch

    wanted = torch.tensor(list(label), device=logits.device)
    return float(logits.log_softmax(dim=-1).gather(1, wanted[:, None]).sum())
