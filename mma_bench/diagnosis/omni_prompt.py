"""A question about streams that our own code encodes: prompts of the Qwen Omni families."""

import functools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from mma_bench.diagnosis.hidden_states import Watch, watched
from mma_bench.diagnosis.reading import Prompt
from mma_bench.diagnosis.token_map import TokenMap, map_tokens, texts_of
from mma_bench.models.omni.answering import Prefix
from mma_bench.schema import Question

if TYPE_CHECKING:
    import torch

    from mma_bench.models.omni.encode_once import EncodeOnce, MediaInputs


class OmniPrompt(Prompt):
    """A question about encoded streams.

    Args:
        engine: the model.
        inputs: the encoded streams.
        prefix: keys and values of everything before the question.
        question: what is asked.
    """

    def __init__(self, engine: "EncodeOnce", inputs: "MediaInputs", prefix: Prefix, question: Question) -> None:
        super().__init__(engine.thinker, question, engine.chat.question(question.prompt), prefix.length)
        self.engine = engine
        self.inputs = inputs
        self.prefix = prefix

    @functools.cached_property
    def map(self) -> TokenMap:
        """What each token is."""
        return map_tokens(self.engine, self.inputs.grid, self.inputs.frames, self.question, self.question.answer)

    @property
    def texts(self) -> list[str | None]:
        """The characters of the prompt that each token covers; none for tokens that are not of the prompt."""
        prompt = self.question.prompt
        return texts_of(prompt, self.map.length, self.map.media_end, self.engine.chat.offsets(prompt))

    def tokens(self, label: str) -> list[int]:
        """Return the tokens of a label as the beginning of an answer."""
        return self.engine.chat.text(label)

    def lens(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return the logits that hidden states after any layer would give after the last: float32."""
        return self.engine.thinker.logits(self.engine.thinker.normalise(hidden))

    def read_media(self, watch: Watch) -> None:
        """Run everything before the question again, and let ``watch`` see the hidden states after every layer."""
        import torch

        with torch.inference_mode(), self.watching(watch):
            self.engine.run(self.inputs)

    def watching(self, watch: Watch) -> AbstractContextManager[None]:
        """Let ``watch`` see, or replace, the hidden states after every layer while the block runs."""
        return watched(self.engine.thinker, watch)

    def _run(self, rows: Sequence[Sequence[int]]) -> "Iterator[torch.Tensor]":
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
        hidden = thinker.run(thinker.embed(token_ids), positions, cache)
        yield from (thinker.logits(row[self.answering :]) for row in hidden)
