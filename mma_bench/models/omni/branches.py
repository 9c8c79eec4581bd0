"""Answers from several branches: the same question after both streams, after one of them, and after none.

Decoding without training (contrastive, modality-adaptive) adds up the logits of such branches, token by token. The
branches share the encoded streams: each stream passes its encoder once, and each branch passes the language model once
for all questions about the stimulus.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from mma_bench.models.omni.answering import Asked, Blend, Prefix, Reply
from mma_bench.models.omni.encode_once import AudioStream, EncodeOnce, VideoStream
from mma_bench.models.omni.turns import turns

if TYPE_CHECKING:
    import torch


class Branch(Enum):
    """Which streams come before the question."""

    BOTH = (True, True)
    VIDEO = (True, False)
    AUDIO = (False, True)
    TEXT = (False, False)


@dataclass(frozen=True)
class Mixture:
    """How the logits of the branches of one question are added up.

    Attributes:
        weights: factor of each branch; the others are not run. The first one decides what is plausible.
        plausible: tokens less likely than this share of the likeliest one, in the first branch, are not taken; 0
            allows all.
    """

    weights: Mapping[Branch, float]
    plausible: float = 0.0


class Branches:
    """One stimulus, read by a model once per branch.

    Args:
        engine: the model.
        video: the video.
        audio: the audio.
    """

    def __init__(self, engine: EncodeOnce, video: VideoStream, audio: AudioStream) -> None:
        self._engine = engine
        self._video, self._audio = video, audio
        self._prefixes: dict[Branch, Prefix] = {}
        self._lead = ""

    def answer(self, questions: Sequence[Asked], mixtures: Sequence[Mixture]) -> list[Reply]:
        """Answer questions, each with its mixture. Their options are not scored.

        Returns:
            The answers, each with the input tokens of all of its branches.
        """
        import torch

        replies: dict[int, Reply] = {}
        with torch.inference_mode():
            for branches in dict.fromkeys(tuple(mixture.weights) for mixture in mixtures):
                these = [i for i, mixture in enumerate(mixtures) if tuple(mixture.weights) == branches]
                found = self._answer([questions[i] for i in these], [mixtures[i] for i in these], branches)
                replies.update(zip(these, found, strict=True))
        return [replies[index] for index in range(len(questions))]

    def weigh(self, prompts: Sequence[str], words: Sequence[str]) -> list[tuple[dict[str, float], int]]:
        """Return for each prompt, after both streams, the log-likelihood of each word, and the number of tokens."""
        import torch

        engine = self._engine
        found: dict[int, tuple[dict[str, float], int]] = {}
        with torch.inference_mode():
            for turn in turns(engine.conversation, prompts, engine.settings.batch_size):
                prefix = self._prefix(Branch.BOTH, turn.lead)
                scores = engine.answering.weigh(prefix, turn.token_ids, words)
                # With the question first, the media are read again for it, and count as its tokens.
                again = prefix.length if turn.lead else 0
                read = [again + len(ids) for ids in turn.token_ids]
                found.update(zip(turn.members, zip(scores, read, strict=True), strict=True))
        return [found[index] for index in range(len(prompts))]

    def _answer(
        self, questions: Sequence[Asked], mixtures: Sequence[Mixture], branches: Sequence[Branch]
    ) -> list[Reply]:
        engine, replies = self._engine, dict[int, Reply]()
        for turn in turns(engine.conversation, [q.prompt for q in questions], engine.settings.batch_size):
            prefixes = [self._prefix(branch, turn.lead) for branch in branches]
            rows = [engine.answering.read(prefix, turn.token_ids) for prefix in prefixes]
            answers = engine.answering.decode(rows, blend([mixtures[i] for i in turn.members], branches))
            for i, ids, answer in zip(turn.members, turn.token_ids, answers, strict=True):
                read = sum(prefix.length + len(ids) for prefix in prefixes)
                replies[i] = Reply(engine.chat.decode(answer), tuple(answer), input_tokens=read)
        return [replies[index] for index in range(len(questions))]

    def _prefix(self, branch: Branch, lead: str) -> Prefix:
        if lead != self._lead:
            self._prefixes.clear()  # those of another question, which came first in them
            self._lead = lead
        if branch not in self._prefixes:
            video, audio = branch.value
            inputs = self._engine.media_inputs(
                self._video if video else None,
                self._audio if audio else None,
                text_alone=branch is Branch.TEXT,
                lead=lead,
            )
            self._prefixes[branch] = self._engine.run(inputs)
        return self._prefixes[branch]


def blend(mixtures: Sequence[Mixture], branches: Sequence[Branch]) -> Blend:
    """Return the function that adds up the logits of ``branches``, with one mixture per row.

    Row by row, it gives sum over branches of weight x logits, and minus infinity for tokens that are not plausible:
    whose logit in the first branch is below its maximum plus log(plausible).
    """

    def combine(logits: "Sequence[torch.Tensor]") -> "torch.Tensor":
        import torch

        first = logits[0]
        weights = torch.tensor([[one.weights[branch] for one in mixtures] for branch in branches], device=first.device)
        added = sum((each * weight[:, None] for each, weight in zip(logits, weights, strict=True)), first.new_zeros(()))
        cut = [math.log(one.plausible) if one.plausible else -math.inf for one in mixtures]
        lowest = first.max(dim=-1, keepdim=True).values + torch.tensor(cut, device=first.device)[:, None]
        return added.masked_fill(first < lowest, -math.inf)

    return combine
