"""The cascade: an audio tagger and an image classifier, joined to the options by a text-embedding model.

It needs no hub and no GPU. It answers each question from the asked modality alone, so conflicts cannot
mislead it: what it gets wrong, it cannot hear or see.
"""

from collections.abc import Sequence

from mma_bench.loader import Sample
from mma_bench.models.baselines import ABSTENTION
from mma_bench.models.cascade import AudioEvidence, CascadeScorer, VisualEvidence
from mma_bench.models.interface import Answer, Model
from mma_bench.schema import Modality, Question

_FRAMES_PER_SECOND = 1.0
"""Key frames alone; the scorer spreads its looks over them."""

_STREAMS_KEPT = 4096
"""Evidence is a few kilobytes a stream, and a clip's video serves several conditions."""


class CascadeModel(Model):
    """Hears, sees, and picks the option that is most like what it heard or saw."""

    name = "cascade"

    def __init__(self, scorer: CascadeScorer | None = None) -> None:
        self._scorer = scorer or CascadeScorer()
        self._evidence: dict[str, AudioEvidence | VisualEvidence] = {}

    def fingerprint(self) -> dict[str, str]:
        """Return the hashes of the weights and the settings."""
        return {**self._scorer.fingerprint(), "setting frames_per_second": str(_FRAMES_PER_SECOND)}

    def answer(self, sample: Sample) -> list[Answer]:
        """Answer each question from the modality that it asks about."""
        return [self._answer(sample, question) for question in sample.questions]

    def _answer(self, sample: Sample, question: Question) -> Answer:
        evidence = self._perceive(sample, question.modality)
        if evidence.is_empty:
            return Answer(question.question_id, ABSTENTION)
        scores = self._scorer.score(evidence, question.options)
        return Answer(question.question_id, _best(scores, question.options), scores)

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


def _best(scores: dict[str, float], options: Sequence[str]) -> str:
    return max(options, key=lambda option: scores[option])
