"""Variants that ask for detection, not for a class: is anything there, do the streams match, are they in time?

The answer is Yes or No. A model that names the class of every clip may still report a sound on a muted one: naming does
not need to notice that. Questions of this kind are those of THUD (arXiv 2605.16403) and of AVHBench's matching task.
"""

import random
from typing import ClassVar, Literal

from mma_bench.questions.prompts import NO, YES, render
from mma_bench.questions.registry import Context, variant
from mma_bench.schema import CONDITIONS, Modality, Prompt, Question

Detects = Literal["presence", "match", "in_time"]

PRESENCE, MATCH, IN_TIME = "detect_presence", "detect_match", "detect_in_time"

SUFFIX = "Answer with Yes or No."

_DETECTS: dict[str, Detects] = {PRESENCE: "presence", MATCH: "match", IN_TIME: "in_time"}
_PRESENCE_QUESTIONS = {
    Modality.VISUAL: "Is there anything to see in this video?",
    Modality.AUDIO: "Is there anything to hear in this video?",
}
_MATCH_QUESTION = "Do the sound and the picture of this video belong together?"
_IN_TIME_QUESTION = "Is the sound of this video in time with the picture?"


class JointQuestion(Question):
    """A question about both streams at once: wrappers withhold neither of them."""

    concerns_one_modality: ClassVar[bool] = False


def detects(question: Question) -> Detects | None:
    """Return what ``question`` asks to detect, or None if it asks for a class."""
    return _DETECTS.get(question.variant)


def _is_presence(question: Question) -> bool:
    known = CONDITIONS.get(question.condition)
    return known is not None and known.changes == "media" and not known.graded


def _is_match(question: Question) -> bool:
    # Asked once per stimulus. Where a stream was removed, there is nothing that could belong together.
    return question.modality is Modality.VISUAL and question.condition in ("aligned", "misaligned")


def _is_in_time(question: Question) -> bool:
    return question.modality is Modality.VISUAL and question.condition in ("aligned", "shifted_audio")


@variant(_is_presence)
def detect_presence(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """Is there anything to see, or to hear? No where the asked modality was removed."""
    return _asked(question, _PRESENCE_QUESTIONS[question.modality], is_yes=question.answerable)


@variant(_is_match)
def detect_match(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """Do sound and picture belong together? No where the audio is that of another clip."""
    return _joint(_asked(question, _MATCH_QUESTION, is_yes=question.condition == "aligned"))


@variant(_is_in_time)
def detect_in_time(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """Is the sound in time with the picture? No where it was shifted."""
    return _joint(_asked(question, _IN_TIME_QUESTION, is_yes=question.condition == "aligned"))


def _asked(question: Question, text: str, *, is_yes: bool) -> Question:
    """Return ``question`` as one that Yes or No answers; it can be answered wherever a stream was removed, too."""
    parts = Prompt(question=f"{text} {{suffix}}", suffix=SUFFIX)
    options = [YES, NO]
    return question.changed(
        prompt=render(parts, options),
        parts=parts,
        options=options,
        answer=YES if is_yes else NO,
        distractor=None,
        answerable=True,
    )


def _joint(question: Question) -> JointQuestion:
    return JointQuestion.model_validate(question.model_dump())
