"""One question about one stimulus, ready to be run again and again with changes inside the model."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mma_bench.diagnosis.hidden_states import Watch
from mma_bench.diagnosis.token_map import TokenMap
from mma_bench.models.omni.attention import Attention, Hook, Layered
from mma_bench.schema import Question

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_TOKENS_AT_ONCE = 36_000
"""Of all rows of a batch: keys and values of the whole prompts take 2 GB for a 7B model."""

_MOST_ROWS = 64


def rows_at_once(tokens: int) -> int:
    """Return how many rows of a prompt of ``tokens`` tokens run in one batch."""
    return max(1, min(_MOST_ROWS, _TOKENS_AT_ONCE // tokens))


class Intervention(Protocol):
    """A change of the attention of some rows of a batch.

    One that has a `start` (`unchanged.Start`) changes nothing before that layer and token, so that these need not run.
    """

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


class Prompt(ABC):
    """A question about streams that are encoded and read already.

    Everything before the question is run once; changes take effect where the question and the answer are read. A
    subclass knows how a kind of models is run.

    Args:
        model: the model's layers.
        question: what is asked.
        ids: tokens after the media, up to the answer.
        before: number of tokens before them.
    """

    def __init__(self, model: Layered, question: Question, ids: list[int], before: int) -> None:
        self.model = model
        self.question = question
        self.ids = ids
        self.before = before

    @property
    @abstractmethod
    def map(self) -> TokenMap:
        """What each token is."""

    @property
    @abstractmethod
    def texts(self) -> list[str | None]:
        """The characters of the prompt that each token covers; none for tokens that are not of the prompt."""

    @abstractmethod
    def tokens(self, label: str) -> list[int]:
        """Return the tokens of a label as the beginning of an answer."""

    @abstractmethod
    def lens(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return the logits that hidden states after any layer would give after the last: float32."""

    @abstractmethod
    def read_media(self, watch: Watch) -> None:
        """Run everything before the question again, and let ``watch`` see the hidden states after every layer."""

    @abstractmethod
    def watching(self, watch: Watch) -> AbstractContextManager[None]:
        """Let ``watch`` see the hidden states after every layer while the block runs."""

    @property
    def layers(self) -> int:
        """Number of layers of the language model."""
        return len(self.model.layers)

    @property
    def answering(self) -> int:
        """Number of the token of the question that predicts the answer's first token."""
        return len(self.ids) - 1

    @abstractmethod
    def look(self, hook: Hook) -> None:
        """Run the question once, and let ``hook`` see its attention."""

    @abstractmethod
    def read(
        self, labels: Sequence[str], interventions: Sequence[Intervention | None], watch: Watch | None = None
    ) -> list[Reading]:
        """Return what the model makes of the question under each intervention (none: as it is).

        Args:
            labels: texts to score, each run as the beginning of the answer.
            interventions: the changes.
            watch: sees the hidden states after every layer, of a batch in which each intervention has one row for each
                label, in order; see `label_places`. Then, everything runs from the first layer on.
        """

    def label_places(self, label: str) -> "NDArray[np.int64]":
        """Return the new tokens that predict those of ``label``."""
        return np.arange(len(self.tokens(label))) + self.answering


def changing(interventions: Sequence[Intervention | None]) -> Hook:
    """Return a hook that makes each change in its rows of a batch: as many for each, in order."""

    def change(attention: Attention, output: "torch.Tensor") -> "torch.Tensor":
        import torch

        width = len(output) // len(interventions)
        slices = [slice(number * width, (number + 1) * width) for number in range(len(interventions))]
        before = [output[rows] for rows in slices]
        after = [
            own if one is None else one(attention, own, rows)
            for one, own, rows in zip(interventions, before, slices, strict=True)
        ]
        same = all(one is own for one, own in zip(after, before, strict=True))
        return output if same else torch.cat(after)

    return change


def summed(logits: "torch.Tensor", label: Sequence[int]) -> float:
    """Return the log-probability of a label's tokens, from logits of shape [tokens, vocabulary]."""
    import torch

    wanted = torch.tensor(list(label), device=logits.device)
    return float(logits.log_softmax(dim=-1).gather(1, wanted[:, None]).sum())
