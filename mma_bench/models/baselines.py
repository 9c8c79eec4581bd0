"""Baselines that neither see nor hear: they read labels, and show what scores mean."""

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence

from mma_bench.errors import MMABenchError
from mma_bench.loader import Sample
from mma_bench.models.interface import Answer, Model
from mma_bench.prompts import NONE_OF_THE_ABOVE
from mma_bench.questions import STANDARD
from mma_bench.schema import Question
from mma_bench.suggestions import unknown

ABSTENTION = NONE_OF_THE_ABOVE
"""What a one-sense baseline says when its sense was removed."""


class Baseline(Model):
    """A rule that gives a text for each question."""

    takes_media = False
    writes = False

    def fingerprint(self) -> dict[str, str]:
        """Return the name: the rule has no other settings."""
        return {"model": self.name}

    def answer(self, sample: Sample) -> list[Answer]:
        """Apply the rule to every question."""
        return [Answer(question.question_id, self.rule(sample, question)) for question in sample.questions]

    @abstractmethod
    def rule(self, sample: Sample, question: Question) -> str:
        """Return the text for one question."""


class Majority(Baseline):
    """Always the class that is most often the right answer in the whole dataset."""

    name = "baseline:majority"

    def __init__(self) -> None:
        self._most_frequent: str | None = None

    def prepare(self, questions: Sequence[Question]) -> None:
        """Count the answers to the standard questions; where "None of the above" is right, it is by design."""
        counts = Counter(question.answer for question in questions if question.variant == STANDARD)
        self._most_frequent = max(counts, key=lambda label: (counts[label], label), default=None)

    def rule(self, sample: Sample, question: Question) -> str:
        """Return the most frequent class."""
        if self._most_frequent is None:
            raise MMABenchError("baseline:majority answered before it saw the questions; call prepare() first")
        return self._most_frequent


class Random(Baseline):
    """An option drawn with equal chances, the same for the same question."""

    name = "baseline:random"

    def rule(self, sample: Sample, question: Question) -> str:
        """Return an option chosen by a hash of the question's name."""
        digest = hashlib.sha256(question.question_id.encode("utf-8")).digest()
        return question.options[int.from_bytes(digest[:8], "big") % len(question.options)]


class VisualOnly(Baseline):
    """Answers every question, also those about the sound, with what the video shows."""

    name = "baseline:visual-only"

    def rule(self, sample: Sample, question: Question) -> str:
        """Return the label of the video, or abstain on black frames."""
        return sample.stimulus.video.label or ABSTENTION


class AudioOnly(Baseline):
    """Answers every question, also those about the picture, with what the sound shows."""

    name = "baseline:audio-only"

    def rule(self, sample: Sample, question: Question) -> str:
        """Return the label of the sound, or abstain on silence."""
        return sample.stimulus.audio.label or ABSTENTION


_BASELINES: dict[str, type[Baseline]] = {
    "majority": Majority,
    "random": Random,
    "visual-only": VisualOnly,
    "audio-only": AudioOnly,
}


def make_baseline(name: str) -> Model:
    """Return the baseline called ``name``, such as `majority`."""
    if name not in _BASELINES:
        raise MMABenchError(unknown("unknown baseline", name, _BASELINES))
    return _BASELINES[name]()
