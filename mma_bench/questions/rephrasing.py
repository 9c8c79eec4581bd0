"""Variants of the instruction itself: the same question and options in other words.

The options and their order stay, so a changed answer is due to the words alone. The modality is named as in the paper's
question, and a caption or unrelated text around the question stays.
"""

import random

from mma_bench.questions.prompts import lists_options, parts_of, question_template, reword, without_parts
from mma_bench.questions.registry import Context, variant
from mma_bench.schema import Question


def _always(question: Question) -> bool:
    return True


@variant(_always)
def rephrased_1(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The instruction as a request: "Choose the class that ..."."""
    return _asked(
        question,
        "Choose the class that best matches the {modality} content of this video. {options} {suffix}",
        "Reply with one class name only.",
    )


@variant(_always)
def rephrased_2(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The options first, then the question."""
    return _asked(
        question,
        "{options} Which of these classes describes the {modality} content of this video? {suffix}",
        "Respond with the name of the class and nothing else.",
    )


@variant(_always)
def rephrased_3(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The modality first: "Consider the ... content of this video."."""
    return _asked(
        question,
        "Consider the {modality} content of this video. To which of the following classes does it belong? "
        "{options} {suffix}",
        "Give the class name as the answer.",
    )


def _asked(question: Question, wording: str, suffix: str) -> Question:
    if not lists_options(parts_of(question)):
        raise without_parts(question, "its instruction")
    return reword(
        question, question=question_template(wording, "Options: {options}.", question.modality), suffix=suffix
    )
