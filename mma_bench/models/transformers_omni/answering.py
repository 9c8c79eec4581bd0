"""Answers from the keys and values of a prefix: greedy decoding, and the log-likelihood of options."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.models.transformers_omni.chat import Chat
from mma_bench.models.transformers_omni.settings import Settings
from mma_bench.models.transformers_omni.thinker import Thinker

if TYPE_CHECKING:
    import torch

_TOKENS_AT_ONCE = 2048
"""A prompt padded with 20,000 letters runs in parts: attention to all before it would need a mask of gigabytes."""


@dataclass(frozen=True)
class Asked:
    """A question: its exact text, and the options to score."""

    prompt: str
    options: Sequence[str] = ()


@dataclass(frozen=True)
class Reply:
    """What the model said.

    Attributes:
        text: the answer.
        token_ids: its tokens, without the one that ended it.
        option_scores: log-likelihood of each option as the beginning of an answer, the sum over its tokens.
        option_tokens: number of tokens of each option, to divide by.
    """

    text: str
    token_ids: tuple[int, ...]
    option_scores: Mapping[str, float] = field(default_factory=dict)
    option_tokens: Mapping[str, int] = field(default_factory=dict)


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


@dataclass
class _Rows:
    """Questions that have been read, one a row.

    Attributes:
        cache: keys and values of prefix and questions.
        mask: which of them count, of shape [rows, tokens].
        next_position: position id of the first token of each answer, of shape [rows].
        logits: of the first token of each answer, float32 of shape [rows, vocabulary].
    """

    cache: Any
    mask: "torch.Tensor"
    next_position: "torch.Tensor"
    logits: "torch.Tensor"


class Answering:
    """Runs questions behind a prefix."""

    def __init__(self, thinker: Thinker, chat: Chat, settings: Settings, stop_ids: Sequence[int]) -> None:
        self.stop_ids = list(stop_ids)
        self._thinker = thinker
        self._chat = chat
        self._settings = settings
        if any(layer.is_sliding for layer in self.new_cache().layers):
            raise MMABenchError("this model looks back over a sliding window, which its adapter does not support yet")

    def new_cache(self) -> Any:
        """Return an empty cache."""
        from transformers import DynamicCache

        return DynamicCache(config=self._thinker.decoder.config)

    def ask(
        self, prefix: Prefix, questions: Sequence[Sequence[int]], options: Sequence[Sequence[str]]
    ) -> list[Reply]:
        """Answer questions, given as token ids, together."""
        rows = self._read(prefix, questions)
        tokenized = [{option: self._option(option) for option in asked} for asked in options]
        scores: Sequence[dict[str, float]] = [{} for _ in questions]
        if self._settings.score_options:
            scores = self._score(rows, tokenized)
        answers = self._decode(rows)
        return [
            Reply(self._chat.decode(answer), tuple(answer), found, {option: len(asked[option]) for option in found})
            for answer, found, asked in zip(answers, scores, tokenized, strict=True)
        ]

    def _read(self, prefix: Prefix, questions: Sequence[Sequence[int]]) -> _Rows:
        """Run the questions behind copies of the prefix, padded between prefix and question."""
        import torch

        device = self._thinker.device
        lengths = torch.tensor([len(ids) for ids in questions], device=device)
        longest = int(lengths.max())
        padded = [[self._chat.end_id] * (longest - len(ids)) + list(ids) for ids in questions]
        token_ids = torch.tensor(padded, device=device)
        offsets = torch.arange(longest, device=device) - (longest - lengths)[:, None]
        mask = torch.cat([offsets.new_ones(len(padded), prefix.length), (offsets >= 0).long()], dim=1)
        positions = (prefix.next_position + offsets.clamp(min=0)).expand(3, -1, -1)
        cache = self.new_cache()
        for index, layer in enumerate(prefix.cache.layers):
            rows = len(padded), -1, -1, -1
            cache.update(layer.keys.expand(*rows), layer.values.expand(*rows), index)
        hidden = None
        for start in range(0, longest, _TOKENS_AT_ONCE):
            end = min(start + _TOKENS_AT_ONCE, longest)
            embeddings = self._embed(token_ids[:, start:end])
            seen = mask[:, : prefix.length + end]
            hidden = self._thinker.run(embeddings, positions[..., start:end], cache, mask=seen)
        assert hidden is not None, "a question has at least the tokens that end it"
        return _Rows(cache, mask, prefix.next_position + lengths, self._logits(hidden[:, -1]))

    def _decode(self, rows: _Rows) -> list[list[int]]:
        """Take the likeliest token until all rows have stopped; the cache is used up."""
        import torch

        logits, mask = rows.logits, rows.mask
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
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            positions = (rows.next_position + step)[:, None].expand(3, -1, -1)
            hidden = self._thinker.run(self._embed(tokens[:, None]), positions, rows.cache, mask=mask)
            logits = self._logits(hidden[:, -1])
        return answers

    def _score(self, rows: _Rows, options: Sequence[Mapping[str, Sequence[int]]]) -> list[dict[str, float]]:
        """Return the log-likelihood of every option of every row; the cache is as before."""
        first = rows.logits.log_softmax(dim=-1)
        scores = [
            {option: float(first[row, ids[0]]) for option, ids in asked.items()} for row, asked in enumerate(options)
        ]
        for part in self._parts(options):
            for row, option, value in self._continue(rows, part):
                scores[row][option] += value
        return scores

    def _parts(
        self, options: Sequence[Mapping[str, Sequence[int]]]
    ) -> Iterator[list[list[tuple[str, Sequence[int]]]]]:
        """Yield for every row the options to run together: all at once, where the attention takes any mask."""
        longer = [[(option, ids) for option, ids in asked.items() if len(ids) > 1] for asked in options]
        most = max(len(asked) for asked in longer)
        if self._settings.attn_implementation in ("sdpa", "eager"):
            if most:
                yield longer
            return
        for index in range(most):
            yield [asked[index : index + 1] for asked in longer]

    def _continue(
        self, rows: _Rows, options: list[list[tuple[str, Sequence[int]]]]
    ) -> Iterator[tuple[int, str, float]]:
        """Yield row, option, and log-likelihood of all tokens of the option but the first.

        The options of a row stand one behind the other, each sees the question and itself only.
        """
        import torch

        device = self._thinker.device
        fed = [[ids[:-1] for _, ids in asked] for asked in options]
        width = max(sum(map(len, asked)) for asked in fed)
        token_ids = torch.full((len(fed), width), self._chat.end_id, device=device)
        owner = torch.full((len(fed), width), -1, device=device)
        offset = torch.zeros((len(fed), width), dtype=torch.long, device=device)
        for row, asked in enumerate(fed):
            start = 0
            for index, ids in enumerate(asked):
                place = slice(start, start + len(ids))
                token_ids[row, place] = torch.tensor(ids, device=device)
                owner[row, place], offset[row, place] = index, torch.arange(len(ids), device=device)
                start += len(ids)
        before = rows.mask.shape[1]
        positions = (rows.next_position[:, None] + offset).expand(3, -1, -1)
        mask = self._tree_mask(rows.mask, owner) if max(map(len, fed)) > 1 else None
        if mask is None:
            mask = torch.cat([rows.mask, rows.mask.new_ones(len(fed), width)], dim=1)
        hidden = self._thinker.run(self._embed(token_ids), positions, rows.cache, mask=mask)
        for layer in rows.cache.layers:
            layer.keys, layer.values = layer.keys[:, :, :before], layer.values[:, :, :before]
        for row, asked in enumerate(options):
            likelihood = self._logits(hidden[row]).log_softmax(dim=-1)
            start = 0
            for option, ids in asked:
                wanted = torch.tensor(ids[1:], device=likelihood.device)
                yield row, option, float(likelihood[start : start + len(wanted)].gather(1, wanted[:, None]).sum())
                start += len(wanted)

    def _tree_mask(self, mask: "torch.Tensor", owner: "torch.Tensor") -> "torch.Tensor":
        """Return what is added to the attention: nothing where a token may look, the lowest number elsewhere."""
        import torch

        width = owner.shape[1]
        own = (owner[:, :, None] == owner[:, None, :]) & torch.ones(width, width, device=owner.device).tril().bool()
        allowed = torch.cat([mask[:, None, :].bool().expand(-1, width, -1), own], dim=2)
        dtype = self._thinker.model.dtype
        blocked = torch.full_like(allowed, torch.finfo(dtype).min, dtype=dtype)
        return blocked.masked_fill(allowed, 0)[:, None]

    def _option(self, option: str) -> list[int]:
        ids = self._chat.text(option)
        if not ids:
            raise MMABenchError("an option of a question is empty, so it has no likelihood; build the dataset again")
        return ids

    def _embed(self, token_ids: "torch.Tensor") -> "torch.Tensor":
        embeddings: torch.Tensor = self._thinker.model.get_input_embeddings()(token_ids.to(self._thinker.device))
        return embeddings

    def _logits(self, hidden: "torch.Tensor") -> "torch.Tensor":
        logits: torch.Tensor = self._thinker.model.get_output_embeddings()(hidden)
        return logits.float().to(self._thinker.device)
