"""What is ahead of a run: how many questions, stimuli and requests, and how much time and how many tokens."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mma_bench.console.progress import amount, bar, duration, say
from mma_bench.counted import counted
from mma_bench.dataset.load import Sample
from mma_bench.models.interface import Answer, Model

_ANSWERS = 32
_SECONDS = 20.0
"""How many answers and how much time an estimate rests on; the first answers are slower than the rest."""


@dataclass(frozen=True)
class Workload:
    """How much a run asks.

    Attributes:
        questions: all questions, times the repeats.
        left: those without an answer.
        stimuli: stimuli with open questions.
        requests: what the model is asked in one go: a question at a server, a stimulus with all its questions here.
    """

    questions: int
    left: int
    stimuli: int
    requests: int

    @classmethod
    def of(cls, model: Model, questions: int, rounds: Sequence[Sequence[Sample]]) -> "Workload":
        """Return what is ahead of ``model``.

        Args:
            model: who is asked.
            questions: all questions, times the repeats.
            rounds: the stimuli with open questions, for each repeat.
        """
        left = sum(len(sample.questions) for samples in rounds for sample in samples)
        stimuli = len({sample.stimulus.key for samples in rounds for sample in samples})
        passes = sum(len(samples) for samples in rounds)
        return cls(questions, left, stimuli, left if model.asks_one_by_one else passes)

    def text(self, name: str) -> str:
        """Return the numbers in words."""
        done = self.questions - self.left
        if not self.left:
            return f"{name}: all {self.questions:,} questions are answered already"
        answered = f"{done:,} answered already, {self.left:,} to ask" if done else f"all {self.left:,} to ask"
        return (
            f"{name}: {self.questions:,} questions ({answered}) about {self.stimuli:,} stimuli, in "
            f"{counted(self.requests, 'request')}"
        )


class AnswerProgress:
    """The bar of a run, and one line that estimates the rest from the first answers.

    Args:
        name: of the model.
        total: all questions.
        done: those answered before.
        show: false shows nothing.
        after: answers and seconds before the estimate.
    """

    def __init__(
        self, name: str, total: int, done: int, *, show: bool = True, after: tuple[int, float] = (_ANSWERS, _SECONDS)
    ) -> None:
        self._left = total - done
        self._bar: Any = bar(name, total, done=done, show=show)
        self._begun = time.monotonic()
        self._after = after
        self._seen = 0
        self._tokens: list[int] = []
        self._said = not show

    def __enter__(self) -> "AnswerProgress":
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the bar."""
        self._bar.close()

    def advance(self, answers: Iterable[Answer | object]) -> None:
        """Count answers that are stored."""
        new = list(answers)
        self._seen += len(new)
        self._tokens += [tokens for answer in new if (tokens := _tokens(answer)) is not None]
        self._bar.update(len(new))
        passed = time.monotonic() - self._begun
        if not self._said and self._seen >= self._after[0] and passed >= self._after[1]:
            self._said = True
            self._bar.clear()
            say(estimate(self._seen, self._left - self._seen, passed, self._tokens))


def estimate(answers: int, left: int, seconds: float, tokens: Sequence[int] = ()) -> str:
    """Return what the rest of a run takes if it goes on like its first answers.

    Args:
        answers: how many there are.
        left: how many are missing.
        seconds: how long the answers took.
        tokens: tokens of each answer that were counted, in and out.
    """
    text = (
        f"at the speed of the first {answers:,} answers, the other {left:,} take {duration(seconds / answers * left)}"
    )
    if tokens:
        mean = sum(tokens) / len(tokens)
        text += f" and {amount(mean * left)} tokens ({mean:,.0f} per question)"
    return text


def _tokens(answer: object) -> int | None:
    """Return the tokens of an answer, in and out, as far as they were counted."""
    counted = [getattr(answer, name, None) for name in ("input_tokens", "output_tokens")]
    known = [count for count in counted if isinstance(count, int)]
    return sum(known) if known else None
