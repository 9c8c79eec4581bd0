"""Ordinary questions without a clip: training keeps language with one half, the other measures it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mma_bench.files.documents import parse_yaml

if TYPE_CHECKING:
    import torch

    from mma_bench.models.omni.chat import Chat
    from mma_bench.models.omni.thinker import Thinker
    from mma_bench.tuning.answers import AnswerLogits

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


@dataclass(frozen=True)
class Passage:
    """How well a passage of English prose is predicted.

    Attributes:
        loss: negative log-likelihood of each token, in nats, shape [tokens]; the first one has none.
        hit: whether each is the likeliest token, bool of shape [tokens].
    """

    loss: "torch.Tensor"
    hit: "torch.Tensor"


_CHARACTERS = 10 * _TOKENS


def reference(names: Sequence[str] = _TOPICS) -> list[str]:
    """Return entries of the language reference that every Python carries."""
    from pydoc_data.topics import topics

    return [topics[name] for name in names]


def long_reference() -> list[str]:
    """Return the entries of the language reference that fill a passage, in order of their names."""
    from pydoc_data.topics import topics

    return [text for _, text in sorted(topics.items()) if len(text) >= _CHARACTERS]


def cut(text: str) -> list[str]:
    """Return the parts of a text that each fill a passage, without what is left at the end."""
    return [text[at : at + _CHARACTERS] for at in range(0, len(text) - _CHARACTERS + 1, _CHARACTERS)]


def read_passages(thinker: "Thinker", chat: "Chat", texts: Sequence[str]) -> list[Passage]:
    """Return how well the beginning of each text is predicted."""
    import torch

    found = []
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([chat.text(text)[:_TOKENS]], device=thinker.device)
            logits = thinker.model(input_ids=ids, use_cache=False).logits[0, :-1].float()
            loss = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
            found.append(Passage(loss.cpu(), (logits.argmax(dim=-1) == ids[0, 1:]).cpu()))
    return found


def perplexity(passages: Sequence[Passage]) -> float:
    """Return the perplexity of all passages together."""
    import math

    total = sum(float(one.loss.sum()) for one in passages)
    return round(math.exp(total / sum(len(one.loss) for one in passages)), 3)


def are_right(known: Sequence[Knowledge], answers: Callable[[list[tuple[str, str]]], "AnswerLogits"]) -> list[bool]:
    """Return for each question whether its answer is the likeliest option per token.

    Args:
        known: the questions.
        answers: predicts the targets of (prompt, target) pairs.
    """
    import torch

    right = []
    generator = random.Random("knowledge")  # noqa: S311
    with torch.no_grad():
        for one in known:
            options = [one.answer, *one.wrong]
            prompt = with_options(one, generator.sample(options, len(options)))
            found = answers([(prompt, option) for option in options])
            losses = torch.nn.functional.cross_entropy(found.logits, found.targets, reduction="none")
            means = found.row_means(losses)
            right.append(bool(means[0] < means[1:].min()))  # not if all are equal, or no number
    return right
