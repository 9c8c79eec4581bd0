"""Simulated models whose effects are known."""

import hashlib
from collections.abc import Sequence

from mma_bench.dataset.load import Sample
from mma_bench.models import Model
from mma_bench.schema import Modality


class Follower(Model):
    """Gives the right answer, or, with a known probability, what an intervention suggests."""

    name = "follower"
    takes_media = False

    def __init__(self, probability: float = 0.3, seed: int = 0, dies_after: int | None = None) -> None:
        self.probability, self.seed = probability, seed
        self._left = dies_after
        self._asked: list[str] = []

    def answer(self, sample: Sample) -> list[str]:
        """Decide each question by a hash of its name."""
        if self._left is not None and self._left <= 0:
            raise SystemExit("killed")
        self._left = None if self._left is None else self._left - 1
        said = []
        for question in sample.questions:
            self._asked.append(question.question_id)
            digest = hashlib.sha256(f"{self.seed}/{question.question_id}".encode()).digest()
            follows = int.from_bytes(digest[:8], "big") / 2**64 < self.probability
            said.append(question.distractor if follows and question.distractor else question.answer)
        return said

    @property
    def asked(self) -> Sequence[str]:
        """Names of the questions so far."""
        return self._asked


class Blind(Follower):
    """Is given sounds alone."""

    name = "blind"

    @property
    def modalities(self) -> Sequence[Modality]:
        """Audio."""
        return (Modality.AUDIO,)


class Deaf(Follower):
    """Is given pictures alone."""

    name = "deaf"

    @property
    def modalities(self) -> Sequence[Modality]:
        """Pictures."""
        return (Modality.VISUAL,)


class Wavering(Model):
    """Gives one answer in the first round and another one in the second, whatever is asked."""

    name = "wavering"
    takes_media = False

    def __init__(self) -> None:
        self._repeat = 0

    def begin_repeat(self, repeat: int) -> None:
        """Remember the round."""
        self._repeat = repeat

    def answer(self, sample: Sample) -> list[str]:
        """Choose by the round."""
        return [question.options[self._repeat] for question in sample.questions]
