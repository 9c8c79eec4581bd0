"""Yes/no questions, with which a model verifies a clip."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mma_bench.questions import prompts
from mma_bench.schema import Modality

YES, NO = prompts.YES, prompts.NO


@dataclass(frozen=True)
class Check:
    """One yes/no question about a stimulus.

    Attributes:
        name: unique among the checks of a stimulus.
        modality: what is asked about.
        label: the class whose presence is asked about; empty if something else is asked.
        prompt: exact text for the model; it asks for Yes or No.
        classes: all class names of the dataset, for models that can only compare a class with others.
    """

    name: str
    modality: Modality
    label: str
    prompt: str
    classes: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class CheckAnswer:
    """The answer of a model to a check.

    Attributes:
        name: name of the check.
        text: the raw output, unchanged.
        yes_probability: probability of Yes against No, 0 to 1, if the model provides it.
        finish_reason: why the answer ended, see `mma_bench.models.Answer`.
        reasoning: the model's reasoning, see `mma_bench.models.Answer`.
        input_tokens: tokens of prompt and media, if the model counts them.
        output_tokens: number of generated tokens, if the model counts them.
    """

    name: str
    text: str
    yes_probability: float | None = None
    finish_reason: str | None = None
    reasoning: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


def yes_probability(scores: Mapping[str, float]) -> float | None:
    """Return the probability of Yes from the log-probabilities of Yes and No, or None without them."""
    if not {YES, NO} <= scores.keys():
        return None
    difference = scores[NO] - scores[YES]
    if math.isnan(difference):
        return None
    return 1.0 / (1.0 + math.exp(difference)) if difference < 700 else 0.0
