"""Batches from stored features: connectors make tokens of them, which enter the language model between its text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.conversation import Conversation, Kind, Layout
from mma_bench.models.omni.thinker import Thinker
from mma_bench.schema import Modality
from mma_bench.smol_omni.features import Features
from mma_bench.smol_omni.towers import Tower
from mma_bench.tuning.answers import AnswerLogits, answer_logits
from mma_bench.tuning.inputs import Inputs

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Shown:
    """A question with features of what it is about.

    Attributes:
        video: features, or none for a question without a clip.
        audio: features, or none for a question without a clip.
        prompt: text of the question.
        target: text of the answer.
    """

    video: "torch.Tensor | None"
    audio: "torch.Tensor | None"
    prompt: str
    target: str


class Batches:
    """Makes the inputs of the language model, token for token those of an evaluation.

    Args:
        thinker: the model, with split towers.
        chat: turns conversations into tokens.
        towers: with the connectors.
        features: of the clips, for the form of the media.
        seconds_per_grid: see `Conversation`.
    """

    def __init__(
        self, thinker: Thinker, chat: Chat, towers: dict[Modality, Tower], features: Features, seconds_per_grid: float
    ) -> None:
        self.thinker = thinker
        self._connectors = {
            Kind.VIDEO: towers[Modality.VISUAL].connector,
            Kind.AUDIO: towers[Modality.AUDIO].connector,
        }
        self._grid, self._frames = features.grid, features.frames
        self._conversation = Conversation(thinker, chat, seconds_per_grid)

    def answers(self, shown: Sequence[Shown]) -> AnswerLogits:
        """Run the language model and return its predictions of the targets' tokens."""
        return answer_logits(self.thinker, self.inputs(shown))

    def inputs(self, shown: Sequence[Shown]) -> Inputs:
        """Return the inputs of a batch; gradients reach the connectors."""
        import torch

        batch = self._conversation.batch([self._row(one) for one in shown])
        device = self.thinker.device
        kinds = batch.kinds.to(device)
        embeddings = self.thinker.embed(batch.ids.to(device)).detach().clone()
        streams = {
            Kind.VIDEO: [one.video for one in shown if one.video is not None],
            Kind.AUDIO: [one.audio for one in shown if one.audio is not None],
        }
        for kind, features in streams.items():
            if features:
                tokens = self._connectors[kind](torch.cat(features).to(device))
                embeddings[kinds == kind] = tokens.to(embeddings.dtype)
        return Inputs(embeddings, batch.positions.to(device), kinds, batch.labels.to(device))

    def _row(self, one: Shown) -> Layout:
        grid = None if one.video is None else self._grid
        frames = 0 if one.audio is None else self._frames
        return self._conversation.whole(grid, frames, one.prompt, one.target)
