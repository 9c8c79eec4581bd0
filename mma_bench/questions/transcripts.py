"""Variants that write down what is seen or heard: a control of what a conflict shows.

A model that errs about the sound and is right once the sound's class is written before the question does not recognise
the sound, or does not use what it recognised. A model that errs in both cases does not follow what it was told about
the asked modality either.
"""

import random

from mma_bench.questions.prompts import parts_of, reword
from mma_bench.questions.registry import Context, variant
from mma_bench.schema import Modality, Question

_SENTENCES = {
    Modality.VISUAL: "The picture of this video was recognised as: {}.",
    Modality.AUDIO: "The sound of this video was recognised as: {}.",
}


def _is_plain(question: Question) -> bool:
    parts = parts_of(question)
    return question.answerable and not (parts.before or parts.caption or parts.after)


def _is_plain_conflict(question: Question) -> bool:
    return _is_plain(question) and question.distractor is not None


@variant(_is_plain)
def transcript_asked(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """A sentence names the class of the asked modality."""
    sentence = _SENTENCES[question.modality].format(question.answer)
    return reword(question, caption=sentence, caption_class=question.answer)


@variant(_is_plain_conflict)
def transcript_both(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """Two sentences, in random order, name the class of each modality."""
    (other,) = set(Modality) - {question.modality}
    sentences = [
        _SENTENCES[question.modality].format(question.answer),
        _SENTENCES[other].format(question.distractor),
    ]
    if generator.random() < 0.5:
        sentences.reverse()
    return reword(question, caption=" ".join(sentences), caption_class=None)
