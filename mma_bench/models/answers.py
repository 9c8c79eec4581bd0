"""The answer of a model to one question."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """The answer of a model to one question.

    Attributes:
        question_id: the question.
        text: the raw output, unchanged.
        option_scores: log-probability of each option, if the model provides it; for an option of several tokens, the
            sum over them.
        option_tokens: number of tokens of each option, if known: divide by it to normalise for length.
        input_tokens: number of tokens of prompt and media, if the model counts them.
        output_tokens: number of generated tokens, including reasoning, if the model counts them.
        seconds: wall time of this answer; questions that are asked together share their time equally.
        finish_reason: why the answer ended: ``stop``, ``length`` (cut off at the maximum number of tokens), or
            the server's own value.
        served_by: version of the model that answered, according to the server.
        reasoning: the model's reasoning, if a server returns it separately. It is stored but never parsed as an
            answer.
    """

    question_id: str
    text: str
    option_scores: Mapping[str, float] = field(default_factory=dict)
    option_tokens: Mapping[str, int] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    finish_reason: str | None = None
    served_by: str | None = None
    reasoning: str | None = None
