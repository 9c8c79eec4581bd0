"""Empty answers: how many a run has, why, and whether it can count as finished.

An empty answer scores as wrong. Where a model did not get to its answer, because it spent all tokens on thinking, the
score would measure the limit and not the model.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.store import StoredAnswer
from mma_bench.parsing import own_text

_CUT = "length"
_MOST = 0.5
"""From this share of empty answers on, for whatever reason, a run says nothing about its model."""


@dataclass(frozen=True)
class Emptiness:
    """The empty answers of a run.

    Attributes:
        answers: all answers.
        empty: those without text, apart from reasoning.
        cut: of these, those that were cut off at the maximum number of tokens.
        thought: of the empty ones, those with reasoning that the server told apart.
    """

    answers: int
    empty: int
    cut: int
    thought: int

    @classmethod
    def of(cls, answers: Iterable[StoredAnswer]) -> "Emptiness":
        """Count the empty answers among ``answers``."""
        known = list(answers)
        empty = [answer for answer in known if is_empty(answer.text)]
        return cls(
            len(known),
            len(empty),
            sum(answer.finish_reason == _CUT for answer in empty),
            sum(bool(answer.reasoning) for answer in empty),
        )

    @property
    def is_too_much(self) -> bool:
        """Whether the run cannot count as finished: an answer is empty because it was cut, or half of all are empty."""
        return self.cut > 0 or self.empty >= _MOST * max(self.answers, 1)

    def text(self, limit: str | None = None) -> str:
        """Return the numbers in words, or nothing if no answer is empty.

        Args:
            limit: the maximum number of tokens, as it was set.
        """
        if not self.empty:
            return ""
        at = f"max_tokens={limit}" if limit else "the maximum number of tokens"
        cut = f", {self.cut:,} of them cut at {at}" if self.cut else ""
        thought = f", {self.thought:,} with text in the reasoning field only" if self.thought > self.cut else ""
        return f"{self.empty:,} of {self.answers:,} answers are empty{cut}{thought}"


def is_empty(text: str) -> bool:
    """Return whether an answer has no text besides reasoning."""
    own = own_text(text)
    return own is None or not own.strip()


def require_answers(
    fingerprint: Mapping[str, str], answers: Collection[StoredAnswer], *, allow_empty: bool = False
) -> None:
    """Raise MMABenchError if too many ``answers`` of a model are empty for their run to count as finished."""
    found = Emptiness.of(answers)
    if found.is_too_much and answers and not allow_empty:
        raise MMABenchError(
            f"the run is not finished: {found.text(token_limit(fingerprint, found))}. {_what_to_do(found)} "
            "All answers are stored; to score them as they are, run the same command with --allow-empty"
        )


def token_limit(settings: Mapping[str, str], found: Emptiness) -> str | None:
    """Return the maximum number of tokens that the cut answers of a model had, if its fingerprint tells."""
    set_by = ("setting thinking_max_tokens",) if found.thought else ()
    names = (*set_by, "setting max_tokens", "setting max_new_tokens")
    return next((settings[name] for name in names if settings.get(name) not in (None, "null")), None)


def _what_to_do(found: Emptiness) -> str:
    if found.cut:
        return (
            "Give the model more tokens: --model-option max_tokens=16384 (max_new_tokens for a local model), with "
            "another --run or --overwrite; or let it think less."
        )
    if found.thought:
        return "The server may take answers for reasoning: check its reasoning parser, or ask without thinking."
    return "Look at the answers and at the server's log: it may filter them or drop its output."
