"""One answer, read and judged: what scores and analyses count."""

import math
from dataclasses import dataclass

from mma_bench.dataset.load import Sample
from mma_bench.parsing import Outcome
from mma_bench.schema import Question


@dataclass(frozen=True)
class Verdict:
    """One answer, read and judged.

    Attributes:
        sample: the stimulus.
        question: the question.
        text: the raw answer.
        label: the option that the answer names, if it names one.
        outcome: how the answer was understood.
        rule: the parser's rule that decided.
        repeat: number of the sample of a sampling model, from 0.
        confidence: probability of the likeliest option by the model's option scores; NaN without.
        confident_right: whether that option is the answer.
    """

    sample: Sample
    question: Question
    text: str
    label: str | None
    outcome: Outcome
    rule: str
    repeat: int = 0
    confidence: float = math.nan
    confident_right: bool = False

    @property
    def variant(self) -> str:
        """How the question is worded."""
        return self.question.variant

    @property
    def level(self) -> float | None:
        """Dose of a graded condition."""
        return self.sample.stimulus.level

    @property
    def correct(self) -> bool:
        """Whether the answer is the right option; a hallucination where the question is not answerable.

        Where the right class is not among the options, the right option is "None of the above".
        """
        return self.label == self.question.answer and self.outcome in (Outcome.ANSWERED, Outcome.ABSTAINED)

    @property
    def distracted(self) -> bool:
        """Whether the answer is the class that another modality suggests."""
        return self.outcome is Outcome.ANSWERED and self.label is not None and self.label == self.question.distractor
