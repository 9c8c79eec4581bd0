"""Turns examples into the embeddings that enter the language model, with the kind of each token.

The towers are frozen, so they run without gradients and each distinct stream once: a clip's visual and audio
question share it, and so do a sample and its conflict variants.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.conversation import Batch, Conversation, Kind
from mma_bench.models.omni.encoder_cache import Encoded, EncoderCache
from mma_bench.models.omni.layout import Arrangement
from mma_bench.models.omni.thinker import Thinker
from mma_bench.tuning.example import Example

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Inputs:
    """A batch, padded on the right.

    No attention mask is needed: attention is causal, so no token attends to the padding after it, and kernels without
    a mask are the fast ones.

    Attributes:
        embeddings: shape [rows, tokens, hidden size].
        positions: shape [3, rows, tokens].
        kinds: a `Kind` for each token, shape [rows, tokens].
        labels: the token itself if it belongs to the answer, otherwise `IGNORED`; shape [rows, tokens].
        deepstack: features that some vision towers add to the first layers at the video tokens.
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


class Encoder:
    """Runs the frozen towers and lays out the conversation."""

    def __init__(
        self,
        thinker: Thinker,
        chat: Chat,
        seconds_per_grid: float,
        cache_mb: int,
        layout: Arrangement = "interleaved",
    ) -> None:
        self._thinker = thinker
        self._conversation = Conversation(thinker, chat, seconds_per_grid, layout)
        self._videos, self._sounds = EncoderCache(cache_mb * 2**20), EncoderCache(cache_mb * 2**20)

    def __call__(self, examples: Sequence[Example]) -> Inputs:
        """Return the batch of ``examples``."""
        import torch

        thinker = self._thinker
        with torch.no_grad():
            videos = [self._videos.get(e.video_key, partial(thinker.encode_video, e.video)) for e in examples]
            sounds = [self._sounds.get(e.audio_key, partial(thinker.encode_audio, e.audio)) for e in examples]
            rows = [
                self._conversation.whole(video.grid, sound.frames, example.question.prompt, example.target)
                for example, video, sound in zip(examples, videos, sounds, strict=True)
            ]
            return self._embedded(self._conversation.batch(rows), videos, sounds)

    def _embedded(self, batch: Batch, videos: Sequence[Encoded], sounds: Sequence[Encoded]) -> Inputs:
        import torch

        device = self._thinker.device
        kinds = batch.kinds.to(device)
        embeddings = self._thinker.embed(batch.ids.to(device))
        for kind, streams in ((Kind.VIDEO, videos), (Kind.AUDIO, sounds)):
            tokens = torch.cat([stream.tokens for stream in streams])
            embeddings[kinds == kind] = tokens.to(device, embeddings.dtype)
        levels = zip(*(video.deepstack for video in videos), strict=True)
        deepstack = tuple(torch.cat(level).to(device, embeddings.dtype) for level in levels)
        return Inputs(embeddings, batch.positions.to(device), kinds, batch.labels.to(device), deepstack)
