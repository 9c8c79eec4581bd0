"""Lies that are near-synonyms of the right class: a caption is drawn again, a pair of streams is not asked about."""

import random
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from mma_bench.dataset.load import Benchmark, Sample
from mma_bench.questions import prompts
from mma_bench.questions.near_synonyms import are_near_synonyms, without_near_synonyms
from mma_bench.schema import Question


class NearSynonyms(BaseModel):
    """What was done about lies that are near-synonyms, in standard questions.

    Attributes:
        captions_redrawn: questions whose caption names another class now.
        left_out: questions that are not asked: both streams of the stimulus are near-synonyms, or no other lie is left.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    captions_redrawn: int = Field(default=0, ge=0)
    left_out: int = Field(default=0, ge=0)

    @property
    def note(self) -> str | None:
        """What a reader of the scores must know, or None if nothing was done."""
        if not (self.captions_redrawn or self.left_out):
            return None
        return (
            f"near-synonyms are no lies (exclude_near_synonyms): {self.left_out} questions whose other class is one "
            f"were left out, {self.captions_redrawn} misleading captions name another class"
        )


def without_hollow_lies(benchmark: Benchmark, seed: int) -> tuple[Benchmark, NearSynonyms]:
    """Return ``benchmark`` without lies that are near-synonyms of what they lie about, and what was done.

    A caption is drawn again among the other classes, the same for both questions of a clip and for the same ``seed``. A
    stimulus whose streams are near-synonyms of each other is not asked about: its streams are what they are.
    """
    samples: list[Sample] = []
    redrawn = left_out = 0
    for sample in benchmark.samples:
        kept: list[Question] = []
        for question in sample.questions:
            changed = _honest(question, sample, seed)
            kept += [] if changed is None else [changed]
            redrawn += changed is not None and changed is not question
        left_out += len(sample.questions) - len(kept)
        if kept:
            samples.append(sample if kept == sample.questions else replace(sample, questions=kept))
    return Benchmark(benchmark.path, samples), NearSynonyms(captions_redrawn=redrawn, left_out=left_out)


def _honest(question: Question, sample: Sample, seed: int) -> Question | None:
    """Return ``question``, or it with another caption, or None if nothing can be done."""
    lie = question.distractor
    streams = (sample.stimulus.video.label, sample.stimulus.audio.label)
    parts = prompts.parts_of(question)
    is_caption = lie is not None and parts.caption_class == lie
    told = (*streams, question.answer) if is_caption else (question.answer,)
    if lie is None or not any(are_near_synonyms(lie, label) for label in told):
        return question
    if not is_caption:
        return None
    caption = _other_caption(question.options, (*streams, question.answer), f"{seed}/caption/{sample.stimulus.key}")
    if caption is None:
        return None
    return prompts.with_prompt(question, prompts.captioned(parts, caption)).changed(distractor=caption)


def _other_caption(options: Sequence[str], labels: Sequence[str | None], seed: str) -> str | None:
    found = [name for name in without_near_synonyms(options, labels) if name not in labels]
    generator = random.Random(seed)  # noqa: S311
    return generator.choice(sorted(found)) if found else None
