"""The transcript control tells a model that does not recognise from one that does not attend to what is asked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mma_bench
from mma_bench.evaluation.analyses.transcripts import transcripts
from mma_bench.models import Model
from tests.evaluation.simulated import CLASSES, joined, questions


class Reads(Model):
    """Names the class in the first sentence about ``modality`` (about anything without one), else what distracts."""

    takes_media = False

    def __init__(self, *, asked_only: bool) -> None:
        self.asked_only = asked_only

    def answer(self, sample: Any) -> list[str]:
        return [self._one(question) for question in sample.questions]

    def _one(self, question: Any) -> str:
        word = {"visual": "The picture", "audio": "The sound"}[question.modality] if self.asked_only else "The "
        sentence = next((s for s in question.prompt.split(". ") if s.startswith(word) and "recognised as" in s), "")
        return sentence.rpartition(": ")[2] or question.distractor or question.answer


@pytest.mark.parametrize(("asked_only", "both"), [(True, {1.0}), (False, set())])
def test_two_models_that_read_are_told_apart(demo: Path, tmp_path: Path, asked_only: bool, both: set[float]) -> None:
    scores = mma_bench.evaluate(
        Reads(asked_only=asked_only), demo, run=tmp_path, protocol="controls", limit=30, progress=False
    )
    rows = [row for row in scores.analysis.transcripts if row.condition == "misaligned"]
    assert len(rows) == 4
    for row in rows:
        assert row.accuracy.value == 0 < row.errors == row.pairs
        if row.variant == "transcript_asked":
            assert row.informed.value == row.gain.value == row.mended.value == 1
        elif both:
            assert {row.informed.value, row.mended.value} == both
        else:  # it says what it reads first
            assert 0.2 < row.informed.value < 0.8
            assert row.distracted.value == pytest.approx(1 - row.mended.value)


def test_the_planted_share_of_mended_errors_is_in_its_interval() -> None:
    found = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        seen = generator.integers(CLASSES, size=150)
        heard = (seen + 1) % CLASSES
        plain = np.where(generator.random(150) < 0.4, seen, heard)
        told = np.where((plain != seen) & (generator.random(150) < 0.7), seen, plain)
        tables = [questions("misaligned", "visual", seen, heard, decision) for decision in (plain, told)]
        tables[1].variant[:] = "transcript_asked"
        shuffled = joined(tables).take(generator.permutation(300))
        (row,) = transcripts(shuffled)
        assert row.gain.value == pytest.approx(row.mended.value * row.errors / row.pairs)
        found.append(row.mended.low <= 0.7 <= row.mended.high)
    assert np.mean(found) > 0.88
