"""Examples become the embeddings that enter the language model, with what each token is.

The towers are frozen, so they run without gradients and each distinct stream once: a clip's visual and audio
question share it, and so do a sample and its conflict variants.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from mma_bench.models.transformers_omni.chat import Chat
from mma_bench.models.transformers_omni.encoder_cache import Encoded, EncoderCache
from mma_bench.models.transformers_omni.thinker import Thinker
from mma_bench.tuning.example import Example

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Label of the tokens that are not answered for, as in transformers."""


class Kind(IntEnum):
    """What a token is. `TEMPLATE` are the marks of the conversation, which belong to no modality."""

    PADDING = 0
    TEMPLATE = 1
    VIDEO = 2
    AUDIO = 3
    TEXT = 4
    ANSWER = 5


@dataclass(frozen=True)
class Inputs:
    """A batch, padded on the right.

    No attention mask is needed: attention is causal, so no token looks at the padding behind it, and kernels without
    a mask are the fast ones.

    Attributes:
        embeddings: shape [rows, tokens, hidden size].
        positions: shape [3, rows, tokens].
        kinds: a `Kind` for each token, shape [rows, tokens].
        labels: the token itself where it is of the answer, else `IGNORED`; shape [rows, tokens].
        deepstack: what some vision towers add to the first layers, at the video tokens.
    """

    embeddings: "torch.Tensor"
    positions: "torch.Tensor"
    kinds: "torch.Tensor"
    labels: "torch.Tensor"
    deepstack: tuple["torch.Tensor", ...] = ()

    def with_embeddings(self, embeddings: "torch.Tensor") -> "Inputs":
        """Return the batch with other embeddings."""
        return replace(self, embeddings=embeddings)

    def rows(self, count: int) -> "Inputs":
        """Return the first ``count`` rows."""
        tokens = int((self.kinds[:count] == Kind.VIDEO).sum())
        return Inputs(
            self.embeddings[:count],
            self.positions[:, :count],
            self.kinds[:count],
            self.labels[:count],
            tuple(level[:tokens] for level in self.deepstack),
        )


@dataclass(frozen=True)
class _Row:
    token_ids: list[int]
    kinds: list[Kind]
    positions: "torch.Tensor"
    video: Encoded
    audio: Encoded


class Encoder:
    """Runs the frozen towers and lays out the conversation."""

    def __init__(self, thinker: Thinker, chat: Chat, seconds_per_grid: float, cache_mb: int) -> None:
        self._thinker = thinker
        self._chat = chat
        self._seconds_per_grid = seconds_per_grid
        self._prefixes: dict[tuple[tuple[int, int, int], int], tuple[list[int], torch.Tensor]] = {}
        self._videos, self._sounds = EncoderCache(cache_mb * 2**20), EncoderCache(cache_mb * 2**20)

    def __call__(self, examples: Sequence[Example]) -> Inputs:
        """Return the batch of ``examples``."""
        import torch

        with torch.no_grad():
            rows = [self._row(example) for example in examples]
            return self._padded(rows)

    def _row(self, example: Example) -> _Row:
        import torch

        thinker, chat = self._thinker, self._chat
        video = self._videos.get(example.video_key, lambda: thinker.encode_video(example.video))
        audio = self._sounds.get(example.audio_key, lambda: thinker.encode_audio(example.audio))
        prefix, before = self._prefix(video, audio)
        media = {chat.video_id: Kind.VIDEO, chat.audio_id: Kind.AUDIO}
        words = chat.text(example.question.prompt)
        question = chat.question(example.question.prompt)
        answer = [*chat.text(example.target), chat.end_id]
        kinds = [media.get(token, Kind.TEMPLATE) for token in prefix] + [Kind.TEXT] * len(words)
        kinds += [Kind.TEMPLATE] * (len(question) - len(words)) + [Kind.ANSWER] * len(answer)
        after = torch.arange(len(question) + len(answer), device=before.device) + before[:, -1].max() + 1
        positions = torch.cat([before, after.expand(3, -1)], dim=1)
        return _Row([*prefix, *question, *answer], kinds, positions, video, audio)

    def _prefix(self, video: Encoded, audio: Encoded) -> "tuple[list[int], torch.Tensor]":
        """Return all before the question, and its positions [3, tokens]; clips of one form share them."""
        import torch

        assert video.grid is not None  # noqa: S101
        form = video.grid, audio.frames
        if form not in self._prefixes:
            order = self._thinker.order(video.grid, self._seconds_per_grid, len(audio.tokens))
            prefix = self._chat.media_prefix(order, video=True, audio=True)
            token_ids = torch.tensor([prefix], device=self._thinker.device)
            positions = self._thinker.positions(token_ids, video, audio, self._seconds_per_grid)
            self._prefixes[form] = prefix, positions[:, 0]
        return self._prefixes[form]

    def _padded(self, rows: Sequence[_Row]) -> Inputs:
        import torch

        device = self._thinker.device
        longest = max(len(row.token_ids) for row in rows)
        token_ids = torch.full((len(rows), longest), self._chat.end_id)
        kinds = torch.full((len(rows), longest), int(Kind.PADDING))
        # Fractions of a position stay, as when the model answers: one family places video between whole positions.
        positions = torch.zeros((3, len(rows), longest), dtype=rows[0].positions.dtype, device=device)
        for index, row in enumerate(rows):
            length = len(row.token_ids)
            token_ids[index, :length] = torch.tensor(row.token_ids)
            kinds[index, :length] = torch.tensor([int(kind) for kind in row.kinds])
            positions[:, index, :length] = row.positions
        token_ids, kinds = token_ids.to(device), kinds.to(device)
        embeddings = self._thinker.embed(token_ids)
        for kind, tokens in (
            (Kind.VIDEO, [row.video.tokens for row in rows]),
            (Kind.AUDIO, [row.audio.tokens for row in rows]),
        ):
            embeddings[kinds == kind] = torch.cat(tokens).to(device, embeddings.dtype)
        levels = zip(*(row.video.deepstack for row in rows), strict=True)
        deepstack = tuple(torch.cat(level).to(device, embeddings.dtype) for level in levels)
        labels = torch.where(kinds == Kind.ANSWER, token_ids, IGNORED)
        return Inputs(embeddings, positions, kinds, labels, deepstack)
