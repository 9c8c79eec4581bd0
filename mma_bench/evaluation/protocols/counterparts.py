"""Leave out questions whose counterpart, which has the other answer, is not asked."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from mma_bench.dataset.load import Sample
from mma_bench.questions.detection import IN_TIME
from mma_bench.schema import Stimulus

_SHIFTED = "shifted_audio"
"""The condition in which the answer to `detect_in_time` is No. It is made of some clips only (`graded_clips`)."""


def without_lone_questions(samples: Sequence[Sample], asks: Callable[[str, str], bool]) -> list[Sample]:
    """Return ``samples`` without the questions on time about clips whose audio is shifted in none of them.

    Only Yes would ever be right for such a clip, so its answer says nothing about detection.

    Args:
        samples: all stimuli of a run, with the questions of its protocol.
        asks: as `Protocol.asks`.
    """
    if not any(question.variant == IN_TIME for sample in samples for question in sample.questions):
        return list(samples)
    shifted = {
        _clip(sample.stimulus)
        for sample in samples
        if sample.stimulus.condition == _SHIFTED and asks(_SHIFTED, IN_TIME)
    }
    found = [
        sample
        if _clip(sample.stimulus) in shifted
        else replace(sample, questions=[question for question in sample.questions if question.variant != IN_TIME])
        for sample in samples
    ]
    return [sample for sample in found if sample.questions]


def _clip(stimulus: Stimulus) -> str:
    return stimulus.video.clip_id or stimulus.audio.clip_id or stimulus.key
