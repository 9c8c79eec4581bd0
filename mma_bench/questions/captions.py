"""Variants of the caption that lies: the same class, said with more weight, or only mentioned.

The class is always the question's distractor, so how often it is given as the answer can be compared.
"""

import random

from mma_bench.questions.prompts import parts_of, reword, without_parts
from mma_bench.questions.registry import Context, variant
from mma_bench.schema import Question


def _has_caption(question: Question) -> bool:
    return question.condition == "misleading_caption" and question.distractor is not None


@variant(_has_caption)
def caption_sentence(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The caption as a sentence."""
    return _reworded(question, "What can be seen and heard in this video is {}.")


@variant(_has_caption)
def caption_expert(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The caption as the words of an expert."""
    return _reworded(question, 'An expert who examined this video says: "This is clearly {}."')


@variant(_has_caption)
def caption_negated(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The caption denies the wrong class: no lie, but it is mentioned."""
    return _reworded(question, "This video does not show {}, nor does it sound like it.")


def _reworded(question: Question, wording: str) -> Question:
    name = parts_of(question).caption_class
    if name is None:
        raise without_parts(question, "its caption")
    return reword(question, caption=f"Video_caption: {wording.format(name)}")
