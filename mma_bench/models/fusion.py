"""Fusion: the specialists of the cascade, mixed whatever the question asks about.

Late fusion, as many audio-visual systems do it: each modality gives a probability for each option, and the
log-probabilities are added with equal weights. Next to the cascade, which routes each question to the asked modality,
it shows what a conflict costs a model with the same specialists. Nothing is tuned.
"""

from collections.abc import Mapping, Sequence

from mma_bench.dataset.load import Sample
from mma_bench.models.baselines import ABSTENTION
from mma_bench.models.cascade import TextEvidence
from mma_bench.models.cascade.model import CascadeModel, best_option
from mma_bench.models.checks import NO, YES
from mma_bench.models.interface import Answer
from mma_bench.questions.detection import Detects
from mma_bench.questions.prompts import parts_of
from mma_bench.schema import Modality, Question


class FusionModel(CascadeModel):
    """Answers every question from the video, the audio and the text of the prompt.

    Of the text it uses what is not the question: a caption, and unrelated text. It abstains only if there is neither
    visual, audio nor text evidence.
    """

    name = "fusion"

    def fingerprint(self) -> dict[str, str]:
        """Return what decides an answer: that of the cascade, and that log-probabilities are added."""
        return {**super().fingerprint(), "fusion": "sum of log-probabilities of visual, audio and text evidence"}

    def _answer(self, sample: Sample, question: Question) -> Answer:
        found = [*(self._perceive(sample, modality) for modality in Modality), TextEvidence.of(other_texts(question))]
        evidence = [each for each in found if not each.is_empty]
        if not evidence:
            return Answer(question.question_id, ABSTENTION)
        scores = dict.fromkeys(question.options, 0.0)
        for each in evidence:
            for option, score in self._scorer.score(each, question.options).items():
                scores[option] += score
        return Answer(question.question_id, best_option(scores, question.options), _normalised(scores))

    def _detect(self, sample: Sample, question: Question, what: Detects) -> str:
        """Answer a yes/no question from both modalities at once.

        Something is there if any modality shows something. All evidence becomes one class, so the streams never
        disagree, and nothing is known about time.
        """
        if what == "in_time":
            return ABSTENTION
        return NO if all(self._perceive(sample, modality).is_empty for modality in Modality) else YES


def other_texts(question: Question) -> Sequence[str]:
    """Return the texts of a prompt besides its question; none for a prompt without parts."""
    parts = parts_of(question)
    return [text for text in (parts.before, parts.caption, parts.after) if text]


def _normalised(scores: Mapping[str, float]) -> dict[str, float]:
    """Return log-probabilities that belong to probabilities with the sum 1."""
    import numpy as np

    values = np.array(list(scores.values()))
    total = float(np.logaddexp.reduce(values))
    return {option: score - total for option, score in scores.items()}
