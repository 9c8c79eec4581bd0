"""Answers from the keys and values of a prefix: greedy decoding, and log-likelihoods of options."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.option_scores import Rows, log_likelihoods
from mma_bench.models.omni.settings import Settings
from mma_bench.models.omni.thinker import Thinker

if TYPE_CHECKING:
    import torch

Blend = Callable[[Sequence["torch.Tensor"]], "torch.Tensor"]
"""Makes the logits of the next token of those of several branches, each float32 of shape [rows, vocabulary]."""

_TOKENS_AT_ONCE = 2048
"""A prompt padded with 20,000 letters runs in parts: attention to everything before it would need gigabytes."""


@dataclass(frozen=True)
class Asked:
    """A question: its exact text, and the options to score."""

    prompt: str
    options: Sequence[str] = ()


@dataclass(frozen=True)
class Reply:
    """The answer of the model.

    Attributes:
        text: the answer.
        token_ids: its tokens, without the one that ended it.
        option_scores: log-likelihood of each option as the beginning of an answer, the sum over its tokens.
        option_tokens: number of tokens of each option, to divide by.
        input_tokens: number of tokens before the answer: system message, media and question.
    """

    text: str
    token_ids: tuple[int, ...]
    option_scores: Mapping[str, float] = field(default_factory=dict)
    option_tokens: Mapping[str, int] = field(default_factory=dict)
    input_tokens: int | None = None


@dataclass(frozen=True)
class Prefix:
    """What all questions about a stimulus share.

    Attributes:
        cache: keys and values, of one row.
        length: number of tokens.
        next_position: position id of the first token after it.
    """

    cache: Any
    length: int
    next_position: "torch.Tensor"


class Answering:
    """Runs questions after a prefix."""

    def __init__(self, thinker: Thinker, chat: Chat, settings: Settings, stop_ids: Sequence[int]) -> None:
        self.stop_ids = list(stop_ids)
        self._thinker = thinker
        self._chat = chat
        self._settings = settings
        self._packs = settings.attn_implementation in ("sdpa", "eager")  # flash attention accepts no custom mask
        if any(layer.is_sliding for layer in self.new_cache().layers):
            raise MMABenchError("this model looks back over a sliding window, which its adapter does not support yet")

    @property
    def packs(self) -> bool:
        """Whether texts that must not see each other may share a row: the kernel accepts any mask."""
        return self._packs

    def new_cache(self) -> Any:
        """Return an empty cache."""
        from transformers import DynamicCache

        return DynamicCache(config=self._thinker.decoder.config)

    def ask(self, prefix: Prefix, questions: Sequence[Sequence[int]], options: Sequence[Sequence[str]]) -> list[Reply]:
        """Answer questions, given as token ids, in one batch."""
        return self.ask_rows([prefix] * len(questions), questions, options)

    def ask_rows(
        self, prefixes: Sequence[Prefix], questions: Sequence[Sequence[int]], options: Sequence[Sequence[str]]
    ) -> list[Reply]:
        """Answer questions, each after its own prefix, in one batch."""
        rows = self.read_rows(prefixes, questions)
        tokenized = [{option: self._option(option) for option in asked} for asked in options]
        scores: Sequence[dict[str, float]] = [{} for _ in questions]
        if self._settings.score_options:
            scores = log_likelihoods(self._thinker, rows, tokenized, packed=self._packs)
        answers = self.decode([rows])
        return [
            Reply(
                self._chat.decode(answer),
                tuple(answer),
                found,
                {option: len(asked[option]) for option in found},
                input_tokens=prefix.length + len(question),
            )
            for prefix, answer, found, asked, question in zip(
                prefixes, answers, scores, tokenized, questions, strict=True
            )
        ]

    def weigh(self, prefix: Prefix, questions: Sequence[Sequence[int]], words: Sequence[str]) -> list[dict[str, float]]:
        """Return for each question the log-likelihood of each of ``words`` as its answer; nothing is decoded."""
        tokenized = {word: self._option(word) for word in words}
        rows = self.read(prefix, questions)
        return log_likelihoods(self._thinker, rows, [tokenized] * len(questions), packed=self._packs)

    def read(self, prefix: Prefix, questions: Sequence[Sequence[int]]) -> Rows:
        """Run the questions after copies of the prefix, padded between prefix and question."""
        return self.read_rows([prefix] * len(questions), questions)

    def read_rows(self, prefixes: Sequence[Prefix], questions: Sequence[Sequence[int]]) -> Rows:
        """Run each question after a copy of its prefix, padded before the prefix and between the two."""
        import torch

        device = self._thinker.device
        lengths = torch.tensor([len(ids) for ids in questions], device=device)
        longest = int(lengths.max())
        padded = [[self._chat.end_id] * (longest - len(ids)) + list(ids) for ids in questions]
        token_ids = torch.tensor(padded, device=device)
        offsets = torch.arange(longest, device=device) - (longest - lengths)[:, None]
        widest = max(prefix.length for prefix in prefixes)
        before = torch.arange(widest, device=device) >= torch.tensor(
            [[widest - prefix.length] for prefix in prefixes], device=device
        )
        mask = torch.cat([before.long(), (offsets >= 0).long()], dim=1)
        next_position = torch.stack([prefix.next_position for prefix in prefixes])
        positions = (next_position[:, None] + offsets.clamp(min=0)).expand(3, -1, -1)
        cache = self.new_cache()
        for index in range(len(prefixes[0].cache.layers)):
            keys = [_widened(prefix.cache.layers[index].keys, widest) for prefix in prefixes]
            values = [_widened(prefix.cache.layers[index].values, widest) for prefix in prefixes]
            cache.update(torch.cat(keys), torch.cat(values), index)
        hidden = torch.empty(0)
        for start in range(0, longest, _TOKENS_AT_ONCE):
            end = min(start + _TOKENS_AT_ONCE, longest)
            embeddings = self._thinker.embed(token_ids[:, start:end])
            seen = mask[:, : widest + end]
            hidden = self._thinker.run(embeddings, positions[..., start:end], cache, mask=seen)
        logits = self._thinker.logits(hidden[:, -1])
        if not torch.isfinite(logits).all():
            raise MMABenchError(
                f"the model computes no finite numbers in {self._thinker.model.dtype}; use "
                "--model-option dtype=bfloat16 or dtype=float32"
            )
        return Rows(cache, mask, next_position + lengths, logits)

    def decode(self, branches: Sequence[Rows], blend: Blend = lambda logits: logits[0]) -> list[list[int]]:
        """Take the likeliest token until all rows have stopped; the caches are used up.

        Args:
            branches: the same questions, read after different prefixes. All continue with the same tokens.
            blend: makes the logits that decide of those of the branches.
        """
        import torch

        logits = blend([rows.logits for rows in branches])
        masks = [rows.mask for rows in branches]
        stop_ids = torch.tensor(self.stop_ids, device=logits.device)
        answers: list[list[int]] = [[] for _ in range(len(logits))]
        running = [True] * len(answers)
        for step in range(self._settings.max_new_tokens):
            tokens = logits.argmax(dim=-1)
            stopped = torch.isin(tokens, stop_ids).tolist()
            for index, token in enumerate(tokens.tolist()):
                running[index] = running[index] and not stopped[index]
                if running[index]:
                    answers[index].append(token)
            if not any(running) or step + 1 == self._settings.max_new_tokens:
                break
            masks = [torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1) for mask in masks]
            found = []
            for rows, mask in zip(branches, masks, strict=True):
                positions = (rows.next_position + step)[:, None].expand(3, -1, -1)
                hidden = self._thinker.run(self._thinker.embed(tokens[:, None]), positions, rows.cache, mask=mask)
                found.append(self._thinker.logits(hidden[:, -1]))
            logits = blend(found)
        return answers

    def _option(self, option: str) -> list[int]:
        ids = self._chat.text(option)
        if not ids:
            raise MMABenchError("an option of a question is empty, so it has no likelihood; build the dataset again")
        return ids


def _widened(states: "torch.Tensor", width: int) -> "torch.Tensor":
    """Return keys or values of one row, of shape [1, heads, tokens, size], with zeros before them up to ``width``."""
    import torch

    return torch.nn.functional.pad(states, (0, 0, width - states.shape[2], 0))
