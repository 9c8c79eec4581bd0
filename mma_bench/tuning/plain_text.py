"""Passages of a text file, for the language term of the objective: each step takes some at random."""

import hashlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.errors import MMABenchError
from mma_bench.files.regular import open_regular
from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.conversation import Kind
from mma_bench.models.omni.thinker import Thinker
from mma_bench.tuning.inputs import Inputs
from mma_bench.tuning.settings import LanguageSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_BYTES = 4 * 2**20
"""A step reads a few hundred tokens, so this is more than any run reads; it takes seconds to tokenize."""


@dataclass(frozen=True)
class PlainText:
    """A text as tokens.

    Attributes:
        tokens: of the whole text, int32 of shape [tokens].
        length: tokens of a passage.
    """

    tokens: "NDArray[np.int32]"
    length: int

    def passages(self, count: int, seed: str) -> list[list[int]]:
        """Return passages that begin at random places; the same ones for the same seed."""
        generator = random.Random(seed)  # noqa: S311
        starts = [generator.randrange(len(self.tokens) - self.length + 1) for _ in range(count)]
        return [self.tokens[start : start + self.length].tolist() for start in starts]

    def fingerprint(self) -> str:
        """Return a hash of the tokens."""
        return hashlib.sha256(self.tokens.astype("<i4").tobytes()).hexdigest()


def read_text(path: Path, where: str) -> str:
    """Return the text of a file that a user names.

    Args:
        path: the file.
        where: what it is, for the error.

    Raises:
        MMABenchError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        with os.fdopen(open_regular(path.resolve(), _MOST_BYTES), "rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise MMABenchError(f"{where} cannot be read: {error}") from error


def read_plain_text(settings: LanguageSettings, chat: Chat) -> PlainText:
    """Read the text file of the language term.

    Raises:
        MMABenchError: the file cannot be read, is too large, or has fewer tokens than a passage.
    """
    where = f"objective.language.texts: {settings.texts}"
    tokens = np.array(chat.text(read_text(Path(settings.texts), where)), dtype=np.int32)
    if len(tokens) < settings.tokens:
        raise MMABenchError(
            f"{where} has {len(tokens)} tokens, fewer than one passage; take a longer text, or lower "
            f"objective.language.tokens (now {settings.tokens})"
        )
    return PlainText(tokens, settings.tokens)


def as_inputs(thinker: Thinker, passages: Sequence[Sequence[int]]) -> Inputs:
    """Return a batch of passages of one length, all tokens of which but the first are predicted."""
    import torch

    ids = torch.tensor(passages, device=thinker.device)
    positions = torch.arange(ids.shape[1], device=thinker.device).expand(3, *ids.shape)
    return Inputs(thinker.embed(ids), positions, torch.full_like(ids, int(Kind.TEXT)), ids)
