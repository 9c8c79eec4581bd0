"""Variants of unrelated text: how long the noise is, and whether it is before or after the question."""

import random

from mma_bench.questions import prompts
from mma_bench.questions.registry import Context, variant
from mma_bench.schema import Question

_UNRELATED = ("long_context", "unrelated_true_text", "unrelated_false_text")


def _is_padded(question: Question) -> bool:
    return question.condition in _UNRELATED


def _is_long(question: Question) -> bool:
    return question.condition == "long_context"


@variant(_is_padded)
def noise_before(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The unrelated text before the question."""
    return _with(question, _noise(question)[0], "before")


@variant(_is_padded)
def noise_after(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The unrelated text after the question."""
    return _with(question, _noise(question)[0], "after")


@variant(_is_long, numbered=True)
def noise_letters(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """N random letters, separated by spaces."""
    return _with(question, prompts.random_letters(number, str(generator.random())), _noise(question)[1])


@variant(_is_long, numbered=True)
def noise_tokens(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """N random words of 2 to 8 letters; a token is what stands between spaces."""
    return _with(question, prompts.random_words(number, str(generator.random())), _noise(question)[1])


def _with(question: Question, noise: str, position: prompts.Position) -> Question:
    plain = prompts.parts_of(question).changed(before="", after="")
    return prompts.with_prompt(question, prompts.padded(plain, noise, position))


def _noise(question: Question) -> tuple[str, prompts.Position]:
    """Return the unrelated text of a standard question, and where it is."""
    parts = prompts.parts_of(question)
    if not (parts.before or parts.after):
        raise prompts.without_parts(question, "its unrelated text")
    return (parts.after, "after") if parts.after else (parts.before, "before")
