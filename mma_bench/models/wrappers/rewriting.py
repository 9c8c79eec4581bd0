"""Wrappers that change what a model is given, and nothing else; they work with any model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes
from mma_bench.models.checks import Check, CheckAnswer
from mma_bench.models.interface import Answer
from mma_bench.models.wrappers.wrapper import Wrapper, concerns_one_modality
from mma_bench.schema import Modality, Question

_Asked = TypeVar("_Asked", Question, Check)

_LONGEST_KEY = 80
"""What leaves room for a modality in the 90 characters of a key."""


@dataclass
class _Open:
    """Checks about a stimulus that are being asked in several parts."""

    sample: Sample
    checks: Sequence[Check]
    parts: int
    answers: dict[str, CheckAnswer]


class Rewriting(Wrapper):
    """A wrapper that changes the media or the texts of questions.

    Attributes:
        changes_media: whether the media depend on the asked modality, so that a stimulus is asked in parts.
    """

    changes_media = False

    def media(self, sample: Sample, modality: Modality) -> Sample:
        """Return ``sample`` with the media to show for questions about ``modality``."""
        return sample

    def text(self, question: Question) -> Question:
        """Return ``question`` as it is asked."""
        return question

    def check_text(self, check: Check) -> Check:
        """Return ``check`` as it is asked."""
        return check

    def answer_all(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        """Answer ``samples``, each in one part or in one per modality."""
        asked: dict[str, Sample] = {}
        parts: list[Sample] = []
        for sample in samples:
            for modality, questions in self._parts(sample.questions):
                shown = replace(sample, questions=[self._worded(question) for question in questions])
                part = self._part(shown, modality)
                asked[part.stimulus.key] = replace(sample, questions=questions)
                parts.append(part)
        for part, answers in self.model.answer_all(parts):
            original, answered = asked[part.stimulus.key], {question.question_id for question in part.questions}
            self._count()
            # Fewer than were asked if a server failed.
            yield replace(original, questions=[q for q in original.questions if q.question_id in answered]), answers

    def check_all(
        self, requests: Sequence[tuple[Sample, Sequence[Check]]]
    ) -> Iterator[tuple[Sample, list[CheckAnswer]]]:
        """Answer the checks of each stimulus."""
        waiting: dict[str, _Open] = {}
        asked: list[tuple[Sample, list[Check]]] = []
        for sample, checks in requests:
            parts = self._parts(checks)
            opened = _Open(sample, checks, len(parts), {})
            for modality, some in parts:
                part = self._part(sample, modality)
                waiting[part.stimulus.key] = opened
                asked.append((part, [self.check_text(c) if concerns_one_modality(c) else c for c in some]))
        left = {id(opened): opened for opened in waiting.values()}
        try:
            for part, answers in self.model.check_all(asked):
                opened = waiting[part.stimulus.key]
                opened.answers.update((answer.name, answer) for answer in answers)
                opened.parts -= 1
                self._count()
                if not opened.parts:
                    yield left.pop(id(opened)).sample, _in_order(opened)
        except MMABenchError:
            for opened in left.values():
                if opened.answers:  # what a server answered before it failed is not lost
                    yield opened.sample, _in_order(opened)
            raise

    def _worded(self, question: Question) -> Question:
        return self.text(question) if concerns_one_modality(question) else question

    def _parts(self, asked: Sequence[_Asked]) -> list[tuple[Modality | None, list[_Asked]]]:
        """Return what is asked by the modality that decides about the media, or all of it if none does."""
        groups: dict[Modality | None, list[_Asked]] = {}
        for one in asked:
            decides = self.changes_media and concerns_one_modality(one)
            groups.setdefault(one.modality if decides else None, []).append(one)
        return list(groups.items())

    def _part(self, sample: Sample, modality: Modality | None) -> Sample:
        """Return ``sample`` as it is shown, under a key of its own if it is one of several parts."""
        if modality is None:
            return sample
        shown = self.media(sample, modality)
        key = shown.stimulus.key
        key = f"{key if len(key) <= _LONGEST_KEY else sha256_bytes(key.encode())}-{modality}"
        return replace(shown, stimulus=shown.stimulus.changed(key=key))


def _in_order(opened: _Open) -> list[CheckAnswer]:
    return [opened.answers[check.name] for check in opened.checks if check.name in opened.answers]
