"""A stimulus with its questions, encoded once for all parts."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.dataset.load import Sample
from mma_bench.diagnosis.omni_prompt import OmniPrompt
from mma_bench.diagnosis.reading import Prompt
from mma_bench.evaluation.shards.shard import clip_of
from mma_bench.files.hashing import sha256_bytes
from mma_bench.models.omni.encode_once import EncodeOnce, MediaInputs
from mma_bench.schema import Question

if TYPE_CHECKING:
    from mma_bench.models.omni.answering import Prefix


@dataclass(frozen=True)
class Case:
    """A question and the labels that it is about.

    Attributes:
        prompt: the question, ready to run.
        clip: clip of the stimulus; intervals draw clips.
        right: class of the clip in the asked modality.
        competing: class that another modality or the caption suggests, if any.
        control: another option, drawn at random, which nothing suggests; none if there are only two.
    """

    prompt: Prompt
    clip: str
    right: str
    competing: str | None
    control: str | None

    @property
    def question(self) -> Question:
        """What is asked."""
        return self.prompt.question

    @property
    def labels(self) -> list[str]:
        """The right label, and the competing one if there is one."""
        return [self.right, *([self.competing] if self.competing else [])]


class Subject(ABC):
    """A stimulus, encoded when it is first needed.

    Args:
        sample: the stimulus with its questions.
        partners: aligned stimuli by the clip of their video.
        seed: of all random choices.

    Attributes:
        heads: number of attention heads per layer.
        layers: number of layers of the language model.
    """

    heads: int
    layers: int

    def __init__(self, sample: Sample, partners: Mapping[str, Sample], seed: int) -> None:
        self.sample = sample
        self.seed = seed
        self._partners = partners

    @property
    def clip(self) -> str:
        """Clip of the stimulus."""
        return clip_of(self.sample.stimulus)

    @abstractmethod
    def prompt(self, question: Question) -> Prompt:
        """Return a question of the stimulus, ready to run."""

    @abstractmethod
    def other(self, sample: Sample) -> "Subject":
        """Return another stimulus for the same model."""

    @functools.cached_property
    def cases(self) -> list[Case]:
        """All questions."""
        return [self._case(question) for question in self.sample.questions]

    @property
    def answerable(self) -> list[Case]:
        """The questions about a modality that is there."""
        return [case for case in self.cases if case.question.answerable]

    @property
    def conflicts(self) -> list[Case]:
        """The answerable questions in which another modality or a caption suggests another label."""
        return [case for case in self.answerable if case.competing]

    @functools.cached_property
    def partner(self) -> "Subject | None":
        """The aligned stimulus with the same video, if this is another stimulus and there is one."""
        found = partner_of(self.sample, self._partners)
        return self.other(found) if found else None

    def draw(self, purpose: str) -> int:
        """Return a random number for ``purpose``: always the same for the same seed."""
        return int(sha256_bytes(f"{self.seed}/{purpose}".encode())[:12], 16)

    def _case(self, question: Question) -> Case:
        competing = question.distractor if question.distractor in question.options else None
        others = [option for option in question.options if option not in (question.answer, competing)]
        control = others[self.draw(f"control/{question.question_id}") % len(others)] if others else None
        return Case(self.prompt(question), self.clip, question.answer, competing, control)


class OmniSubject(Subject):
    """A stimulus that our own code encodes.

    Args:
        engine: the model.
        sample: see `Subject`.
        partners: see `Subject`.
        seed: see `Subject`.
    """

    def __init__(self, engine: EncodeOnce, sample: Sample, partners: Mapping[str, Sample], seed: int) -> None:
        super().__init__(sample, partners, seed)
        self.engine = engine
        self.layers = len(engine.thinker.layers)
        self.heads = int(engine.thinker.decoder.config.num_attention_heads)

    @functools.cached_property
    def inputs(self) -> MediaInputs:
        """Both streams, encoded."""
        import torch

        from mma_bench.models.omni.model import streams_of

        with torch.inference_mode():
            return self.engine.media_inputs(*streams_of(self.sample))

    @functools.cached_property
    def prefix(self) -> "Prefix":
        """Keys and values of everything before the questions."""
        import torch

        with torch.inference_mode():
            return self.engine.run(self.inputs)

    def prompt(self, question: Question) -> Prompt:
        """Return a question of the stimulus, ready to run."""
        return OmniPrompt(self.engine, self.inputs, self.prefix, question)

    def other(self, sample: Sample) -> Subject:
        """Return another stimulus for the same model."""
        return OmniSubject(self.engine, sample, {}, self.seed)


def partner_of(sample: Sample, partners: Mapping[str, Sample]) -> Sample | None:
    """Return the aligned stimulus with the same video, if ``sample`` is another stimulus and there is one.

    Args:
        sample: the stimulus.
        partners: aligned stimuli by the clip of their video.
    """
    found = partners.get(sample.stimulus.video.clip_id or "")
    if found is None or found.stimulus.key == sample.stimulus.key:
        return None
    return found if found.stimulus.video.sha256 == sample.stimulus.video.sha256 else None
