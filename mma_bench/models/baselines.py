"""Baselines that read labels instead of media; they show what a score is worth."""

import hashlib
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError, unknown
from mma_bench.models.interface import Answer, Model
from mma_bench.questions import STANDARD
from mma_bench.questions.detection import detects
from mma_bench.questions.prompts import NO, NONE_OF_THE_ABOVE, YES
from mma_bench.schema import Question

ABSTENTION = NONE_OF_THE_ABOVE
"""Answer of a baseline if its modality was removed or its class is not among the options."""


class Baseline(Model):
    """A rule that returns a text for each question."""

    takes_media = False
    writes = False
    is_baseline = True
    runs_in_parallel = True

    @classmethod
    def make(cls, rest: str, options: Mapping[str, str]) -> Model:
        """Return the baseline called ``rest``, such as `majority`."""
        if options:
            raise MMABenchError(f"a baseline has no option {min(options)!r}; remove --model-option")
        if rest not in _BASELINES:
            raise MMABenchError(unknown("unknown baseline", rest, _BASELINES))
        return _BASELINES[rest]()

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
    """The most frequent right answer in the whole dataset among the options of the question."""

    name = "baseline:majority"
    looks_ahead = True

    def __init__(self) -> None:
        self._by_frequency: list[str] = []
        self._detected: dict[str, str] = {}

    def prepare(self, questions: Sequence[Question]) -> None:
        """Count the answers to the standard questions; in others, "None of the above" may be right by design.

        Those to each kind of yes/no question are counted by themselves.
        """
        counts = Counter(question.answer for question in questions if question.variant == STANDARD)
        self._by_frequency = sorted(counts, key=lambda label: (counts[label], label), reverse=True)
        answers: dict[str, Counter[str]] = defaultdict(Counter)
        for question in questions:
            if detects(question):
                answers[question.variant][question.answer] += 1
        self._detected = {name: max(found, key=lambda label: (found[label], label)) for name, found in answers.items()}

    def rule(self, sample: Sample, question: Question) -> str:
        """Return the most frequent class; if it is not offered, "None of the above" or the next one that is."""
        if question.variant in self._detected:
            return self._detected[question.variant]
        if not self._by_frequency:
            raise MMABenchError("baseline:majority answered before it saw the questions; call prepare() first")
        if self._by_frequency[0] not in question.options and NONE_OF_THE_ABOVE in question.options:
            return NONE_OF_THE_ABOVE
        return next((label for label in self._by_frequency if label in question.options), ABSTENTION)


class Random(Baseline):
    """An option drawn with equal probability, always the same for the same question."""

    name = "baseline:random"

    def rule(self, sample: Sample, question: Question) -> str:
        """Return an option chosen by a hash of the question's name."""
        digest = hashlib.sha256(question.question_id.encode("utf-8")).digest()
        return question.options[int.from_bytes(digest[:8], "big") % len(question.options)]


class VisualOnly(Baseline):
    """Answers every question, including those about the audio, with the class of the video."""

    name = "baseline:visual-only"

    def rule(self, sample: Sample, question: Question) -> str:
        """Return the label of the video; abstain on black frames and if the label is not offered."""
        return _offered(sample.stimulus.video.label, question)


class AudioOnly(Baseline):
    """Answers every question, including those about the video, with the class of the audio."""

    name = "baseline:audio-only"

    def rule(self, sample: Sample, question: Question) -> str:
        """Return the label of the audio; abstain on silence and if the label is not offered."""
        return _offered(sample.stimulus.audio.label, question)


def _offered(label: str | None, question: Question) -> str:
    """Return ``label`` as the answer, or how a rule that knows one stream answers a yes/no question.

    Something is there if its own stream shows something. It cannot tell whether two streams agree.
    """
    if what := detects(question):
        present = NO if label is None else YES
        return present if what == "presence" else ABSTENTION
    return label if label is not None and label in question.options else ABSTENTION


_BASELINES: dict[str, type[Baseline]] = {
    "majority": Majority,
    "random": Random,
    "visual-only": VisualOnly,
    "audio-only": AudioOnly,
}
