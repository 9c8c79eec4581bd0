"""The cascade: an audio tagger and an image classifier, joined to the options by a text-embedding model.

It needs no hub and no GPU. It answers each question from the asked modality alone, so conflicts cannot mislead it: its
errors are errors of recognition.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.models.baselines import ABSTENTION
from mma_bench.models.cascade import AudioEvidence, CascadeScorer, VisualEvidence
from mma_bench.models.checks import NO, YES, Check, CheckAnswer
from mma_bench.models.interface import Answer, Model
from mma_bench.questions.detection import Detects, detects
from mma_bench.questions.near_synonyms import are_near_synonyms
from mma_bench.schema import Modality, Question

_FRAMES_PER_SECOND = 1.0
"""Key frames only; the scorer samples evenly from them."""

_STREAMS_KEPT = 4096
"""Evidence takes a few kilobytes per stream, and a clip's video is used in several conditions."""

PRESENCE = {Modality.VISUAL: 0.25, Modality.AUDIO: 0.25}
"""A class counts as present if it is at least this likely, relative to the likeliest class of the dataset.

Tuned and measured by `scripts/verification_table.py`, see docs/verification.md."""


class CascadeModel(Model):
    """Recognises audio and frames, and selects the most similar option."""

    name = "cascade"
    writes = False
    runs_in_parallel = True

    @classmethod
    def make(cls, rest: str, options: Mapping[str, str]) -> "CascadeModel":
        """Return the model, which takes neither a name nor options."""
        if options:
            raise MMABenchError(f"{cls.name} has no option {min(options)!r}; remove --model-option")
        if rest:
            raise MMABenchError(f"{cls.name} takes no name, got {rest!r}; write `{cls.name}`")
        return cls()

    def __init__(self, scorer: CascadeScorer | None = None) -> None:
        self._scorer = scorer or CascadeScorer()
        self._evidence: dict[str, AudioEvidence | VisualEvidence] = {}

    def fingerprint(self) -> dict[str, str]:
        """Return the hashes of the weights and the settings."""
        return {**self._scorer.fingerprint(), "setting frames_per_second": str(_FRAMES_PER_SECOND)}

    def check_all(
        self, requests: Sequence[tuple[Sample, Sequence[Check]]]
    ) -> Iterator[tuple[Sample, list[CheckAnswer]]]:
        """Compare the asked class with the likeliest of all classes: text embeddings do not know yes and no.

        The yes probability is r / (r + t), with r the asked class's probability over that of the likeliest and t
        of `PRESENCE`; so 0.5 is the tuned threshold. It ranks clips, but is not calibrated.
        A check without a label, such as whether video and audio match, gets no answer.
        """
        for sample, checks in requests:
            yield sample, [self._check(sample, check) for check in checks]

    def _check(self, sample: Sample, check: Check) -> CheckAnswer:
        if not check.label:
            return CheckAnswer(check.name, ABSTENTION)
        evidence = self._perceive(sample, check.modality)
        if evidence.is_empty:
            return CheckAnswer(check.name, NO, 0.0)
        scores = self._scorer.score(evidence, list(dict.fromkeys([*check.classes, check.label])))
        relative = math.exp(scores[check.label] - max(scores.values()))
        yes = relative / (relative + PRESENCE[check.modality])
        return CheckAnswer(check.name, YES if yes >= 0.5 else NO, yes)

    def answer(self, sample: Sample) -> list[Answer]:
        """Answer each question from the modality that it asks about; yes/no questions by `_detect`."""
        return [
            Answer(question.question_id, self._detect(sample, question, what))
            if (what := detects(question))
            else self._answer(sample, question)
            for question in sample.questions
        ]

    def _detect(self, sample: Sample, question: Question, what: Detects) -> str:
        """Answer a yes/no question by what the specialists report: text embeddings do not know yes and no.

        Something is there unless its stream is empty. The streams belong together if the class heard is the class seen,
        or a near-synonym of it. Neither specialist knows anything about time.
        """
        if what == "presence":
            return NO if self._perceive(sample, question.modality).is_empty else YES
        classes = next((q.options for q in sample.stimulus.questions if not detects(q)), None)
        if what == "in_time" or classes is None:
            return ABSTENTION
        found = [self._perceive(sample, modality) for modality in Modality]
        if any(evidence.is_empty for evidence in found):
            return NO
        seen, heard = (best_option(self._scorer.score(evidence, classes), classes) for evidence in found)
        return YES if seen == heard or are_near_synonyms(seen, heard) else NO

    def _answer(self, sample: Sample, question: Question) -> Answer:
        evidence = self._perceive(sample, question.modality)
        if evidence.is_empty:
            return Answer(question.question_id, ABSTENTION)
        scores = self._scorer.score(evidence, question.options)
        return Answer(question.question_id, best_option(scores, question.options), scores)

    def _perceive(self, sample: Sample, modality: Modality) -> AudioEvidence | VisualEvidence:
        stream = sample.stimulus.video if modality is Modality.VISUAL else sample.stimulus.audio
        key = f"{stream.sha256}/{sample.stimulus.seconds}"
        if key not in self._evidence:
            if len(self._evidence) >= _STREAMS_KEPT:
                self._evidence.pop(next(iter(self._evidence)))
            if modality is Modality.VISUAL:
                self._evidence[key] = self._scorer.see(sample.media.frames(_FRAMES_PER_SECOND))
            else:
                self._evidence[key] = self._scorer.hear(sample.media.audio())
        return self._evidence[key]


def best_option(scores: Mapping[str, float], options: Sequence[str]) -> str:
    """Return the likeliest option, the first of equals."""
    return max(options, key=lambda option: scores[option])
