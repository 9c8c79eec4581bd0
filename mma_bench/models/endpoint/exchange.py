"""One question to a server and its reply."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mma_bench.models.interface import Answer
from mma_bench.parsing import holds_reasoning
from mma_bench.schema import Question

CUT = "length"
"""The finish reason of an answer that ended at the maximum number of tokens."""


@dataclass(frozen=True)
class Reply:
    """The reply of a server to one prompt; it has the attributes of `Answer` and one more.

    Attributes:
        reasoned: whether the server counted reasoning tokens without returning the reasoning.
    """

    text: str
    option_scores: Mapping[str, float] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    served_by: str | None = None
    seconds: float | None = None
    reasoning: str | None = None
    reasoned: bool = False

    @property
    def shows_thinking(self) -> bool:
        """Whether the model reasoned before it answered, as far as the reply shows."""
        return bool(self.reasoning) or self.reasoned or holds_reasoning(self.text)

    def answer(self, question_id: str) -> Answer:
        """Return the reply as the answer to a question."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "reasoned"}
        return Answer(question_id=question_id, **given)


@dataclass(frozen=True)
class Request:
    """One question to a server.

    Attributes:
        media: result of `EndpointModel._load` for the stimulus.
        question: prompt and options.
        max_tokens: maximum tokens of the answer; none leaves it to the server.
    """

    media: Any
    question: Question
    max_tokens: int | None = None
