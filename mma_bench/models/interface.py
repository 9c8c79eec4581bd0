"""What a model is to the evaluator: something that answers the questions about a stimulus in words."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mma_bench.loader import Sample
    from mma_bench.schema import Question


@dataclass(frozen=True)
class Answer:
    """What a model said to one question.

    Attributes:
        question_id: the question.
        text: the raw output, unchanged.
        option_scores: log-probability of each option, where the model can give it; of an option of several tokens
            the sum over them.
        option_tokens: number of tokens of each option, where the model knows: divide by it to normalise for length.
        input_tokens: how many tokens prompt and media took, where the model counts them.
    """

    question_id: str
    text: str
    option_scores: Mapping[str, float] = field(default_factory=dict)
    option_tokens: Mapping[str, int] = field(default_factory=dict)
    input_tokens: int | None = None


class Model(ABC):
    """A model under test.

    Attributes:
        name: the name by which `mma_bench.models.load` loads it.
        takes_media: whether it answers from the streams themselves. Rules that read labels do not, and there is
            nothing to probe.
    """

    name: str
    takes_media: bool = True

    @abstractmethod
    def fingerprint(self) -> dict[str, str]:
        """Return everything that decides an answer: weights' hashes, versions, settings, seed."""

    def prepare(self, questions: "Sequence[Question]") -> None:
        """Look at all questions before the first is asked. Only baselines need to."""
        return

    @abstractmethod
    def answer(self, sample: "Sample") -> list[Answer]:
        """Answer every question of ``sample``, in its order."""

    def answer_all(self, samples: "Sequence[Sample]") -> "Iterator[tuple[Sample, list[Answer]]]":
        """Answer ``samples`` and yield each with its answers as soon as they are there, in any order.

        Models that take several stimuli at a time, in a batch or as requests to a server, override this.
        """
        for sample in samples:
            yield sample, self.answer(sample)
