"""Ordinary questions without a clip: training keeps language with one half, the other measures it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mma_bench.files.documents import parse_yaml

if TYPE_CHECKING:
    from mma_bench.models.omni.chat import Chat
    from mma_bench.models.omni.thinker import Thinker

_FILE = Path(__file__).with_name("knowledge.yaml")


@dataclass(frozen=True)
class Knowledge:
    """A question of general knowledge.

    Attributes:
        question: its text.
        answer: the right option.
        wrong: the other options.
    """

    question: str
    answer: str
    wrong: tuple[str, ...]


def read_knowledge() -> tuple[list[Knowledge], list[Knowledge]]:
    """Return the questions for training and those for measuring."""
    rows = [Knowledge(row[0], row[1], tuple(row[2:])) for row in parse_yaml(_FILE.read_text("utf-8"))]
    return rows[::2], rows[1::2]


def asked(known: Knowledge, generator: random.Random) -> str:
    """Return the prompt, in half of the cases with options in a random order."""
    if generator.random() < 0.5:
        return f"{known.question} Answer the question using a single word or phrase."
    return with_options(known, generator.sample([known.answer, *known.wrong], 1 + len(known.wrong)))


def with_options(known: Knowledge, options: Sequence[str]) -> str:
    """Return the prompt with options."""
    return f"{known.question} Options: {', '.join(options)}. Answer the question using a single word or phrase."


_TOPICS = ("assert", "break", "calls", "global", "import", "raise", "truth", "try", "while", "with")
_TOKENS = 160


def perplexity(thinker: "Thinker", chat: "Chat") -> float:
    """Return the perplexity of English prose: passages of the language reference that every Python carries."""
    import math
    from pydoc_data.topics import topics

    import torch

    total, count = 0.0, 0
    with torch.no_grad():
        for name in _TOPICS:
            ids = torch.tensor([chat.text(topics[name])[:_TOKENS]], device=thinker.device)
            logits = thinker.model(input_ids=ids, use_cache=False).logits[0, :-1].float()
            total += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
            count += ids.shape[1] - 1
    return round(math.exp(total / count), 3)
