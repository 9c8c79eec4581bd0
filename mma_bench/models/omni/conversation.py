"""The layout of one question about one stimulus as tokens: the same for asking, scoring and training."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.encoder_cache import Encoded
from mma_bench.models.omni.layout import Arrangement, one_after_the_other
from mma_bench.models.omni.thinker import Thinker

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Label of tokens that are not learned, as in transformers."""

_KEPT = 256  # forms of media; clips of one dataset have a handful, a folder of arbitrary videos has thousands


class Kind(IntEnum):
    """The kind of a token. `TEMPLATE` are the markers of the conversation, which belong to no modality."""

    PADDING = 0
    TEMPLATE = 1
    VIDEO = 2
    AUDIO = 3
    TEXT = 4
    ANSWER = 5


@dataclass(frozen=True)
class Layout:
    """The tokens of one row.

    Attributes:
        ids: ids of the tokens.
        kinds: the kind of each token.
        positions: position ids, shape [3, tokens], on the CPU.
    """

    ids: list[int]
    kinds: list[Kind]
    positions: "torch.Tensor"


@dataclass(frozen=True)
class Batch:
    """Rows padded on the right, on the CPU.

    Attributes:
        ids: ids of the tokens, shape [rows, tokens].
        kinds: a `Kind` per token, shape [rows, tokens].
        positions: position ids, shape [3, rows, tokens].
    """

    ids: "torch.Tensor"
    kinds: "torch.Tensor"
    positions: "torch.Tensor"

    @property
    def labels(self) -> "torch.Tensor":
        """The token itself if it belongs to the answer, otherwise `IGNORED`; shape [rows, tokens]."""
        import torch

        return torch.where(self.kinds == Kind.ANSWER, self.ids, IGNORED)


class Conversation:
    """Lays out conversations.

    Args:
        thinker: the model.
        chat: turns text and markers into tokens.
        seconds_per_grid: time from one step of the video encoder's grid to the next.
        arrangement: which part comes first.

    Attributes:
        question_first: whether the question comes before the media, so that no two questions share a beginning.
    """

    def __init__(
        self, thinker: Thinker, chat: Chat, seconds_per_grid: float, arrangement: Arrangement = "interleaved"
    ) -> None:
        self._thinker = thinker
        self._arrangement = arrangement
        self.question_first = arrangement == "question-first"
        self._chat = chat
        self._seconds_per_grid = seconds_per_grid
        self._closing = len(chat.question(""))
        self._merge = int(thinker.config.vision_config.spatial_merge_size)
        self.media = functools.lru_cache(_KEPT)(self._media)

    def lead(self, prompt: str) -> str:
        """Return what of ``prompt`` comes before the media: all or nothing."""
        return prompt if self.question_first else ""

    def rest(self, prompt: str) -> list[int]:
        """Return the tokens between the media and the answer."""
        return self._chat.question("" if self.question_first else prompt)

    def _media(self, grid: tuple[int, int, int] | None, frames: int, lead: str = "") -> Layout:
        """Return everything up to the end of the media; clips of one form share it.

        Args:
            grid: patches of the video along time, height and width, or none.
            frames: frames of the audio spectrum, 0 for no audio.
            lead: text before the media, see `lead`.
        """
        import torch

        seen = math.prod(grid) // self._merge**2 if grid else 0
        heard = self._thinker.audio_tokens(frames) if frames else 0
        interleaved = self._arrangement in ("interleaved", "question-first")
        if grid and frames and not interleaved:
            order = one_after_the_other(seen, heard, self._arrangement)
        elif grid and frames:
            order = self._thinker.order(grid, self._seconds_per_grid, heard)
        else:
            order = np.full(seen or heard, grid is not None)
        opening, text = self._chat.opening(), self._chat.text(lead) if lead else []
        media = self._chat.media(order, video=grid is not None, audio=frames > 0, interleaved=interleaved)
        ids = [*opening, *text, *media]
        empty = torch.empty(0)
        positions = self._thinker.positions(
            torch.tensor([ids], device=self._thinker.device),
            Encoded(empty, grid=grid) if grid else None,
            Encoded(empty, frames=frames) if frames else None,
            self._seconds_per_grid,
            **({} if interleaved else {"interleaved": False}),  # families of packages may not know it
        )
        special = {self._chat.video_id: Kind.VIDEO, self._chat.audio_id: Kind.AUDIO}
        kinds = [Kind.TEMPLATE] * len(opening) + [Kind.TEXT] * len(text)
        kinds += [special.get(token, Kind.TEMPLATE) for token in media]
        return Layout(ids, kinds, positions[:, 0].cpu())

    def whole(self, grid: tuple[int, int, int] | None, frames: int, prompt: str, target: str) -> Layout:
        """Return a conversation up to the end of the answer.

        Args:
            grid: see `media`.
            frames: see `media`.
            prompt: text of the question.
            target: text of the answer.
        """
        import torch

        before = self.media(grid, frames, self.lead(prompt))
        question = self.rest(prompt)
        answer = [*self._chat.text(target), self._chat.end_id]
        kinds = [Kind.TEXT] * (len(question) - self._closing) + [Kind.TEMPLATE] * self._closing
        after = before.positions[:, -1].max() + 1 + torch.arange(len(question) + len(answer)).expand(3, -1)
        return Layout(
            [*before.ids, *question, *answer],
            [*before.kinds, *kinds, *[Kind.ANSWER] * len(answer)],
            torch.cat([before.positions, after], dim=1),
        )

    def batch(self, rows: Sequence[Layout]) -> Batch:
        """Return ``rows`` in one batch."""
        import torch

        width = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), width), self._chat.end_id)
        kinds = torch.full((len(rows), width), int(Kind.PADDING))
        # Fractions of a position are kept, as when the model answers: one family places video between whole positions.
        dtype = functools.reduce(torch.promote_types, [row.positions.dtype for row in rows])
        positions = torch.zeros((3, len(rows), width), dtype=dtype)
        for number, row in enumerate(rows):
            length = len(row.ids)
            ids[number, :length] = torch.tensor(row.ids)
            kinds[number, :length] = torch.tensor([int(kind) for kind in row.kinds])
            positions[:, number, :length] = row.positions
        return Batch(ids, kinds, positions)
