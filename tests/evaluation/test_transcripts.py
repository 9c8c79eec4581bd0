"""The transcript control tells a model that does not recognise from one that does not attend to what is asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mma_bench
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.analyses.transcripts import transcripts
from mma_bench.evaluation.statistics import NOTHING
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


def test_still_distracted_is_of_the_errors_that_named_the_distractor() -> None:
    seen, other = np.zeros(40, dtype=np.int64), np.full(40, 5)
    # In the standard wording 20 name the distractor (1), 10 something else (5), and 10 are right (0).
    plain = np.repeat([1, 5, 0], [20, 10, 10])
    # With the transcript 5 of the 20 still name it; those that newly do are not "still" distracted.
    told = np.concatenate([np.repeat([1, 0], [5, 15]), np.repeat([1], 20)])
    (row,) = transcripts(_told(questions("misaligned", "visual", seen, seen + 1, plain), told))
    assert (row.errors, row.distracted.value) == (30, 5 / 20)
    (row,) = transcripts(_told(questions("aligned", "visual", seen, seen, other), other))
    assert (row.errors, row.mended.value, row.distracted) == (40, 0, NOTHING), "there is no distractor"


def _told(plain: VerdictTable, decision: NDArray[np.int64]) -> VerdictTable:
    """Return the rows, and the same questions with a transcript and other answers."""
    variant = np.full(len(plain), "transcript_asked", dtype=object)
    told = replace(plain, variant=variant, decision=decision, correct=decision == plain.answer)
    return joined([plain, told])


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
