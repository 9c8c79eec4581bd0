"""Agreement of people: published examples, and what chance and missing answers do."""

import math

import numpy as np
import pytest

from mma_bench.evaluation.statistics.agreement import krippendorff_alpha, pairwise_agreement

# Krippendorff (2011), section C: four observers, twelve units, missing values.
OBSERVERS = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


def published() -> np.ndarray:
    rows = [[-1 if value == "." else int(value) for value in line.split()] for line in OBSERVERS.split("\n") if line]
    return np.array(rows).T


def test_alpha_is_that_of_the_published_example() -> None:
    found = krippendorff_alpha(published(), np.arange(12))
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.low < found.value < found.high <= 1


def test_alpha_of_two_people_without_gaps_is_scotts_pi_for_small_samples() -> None:
    codes = [[0, 0], [0, 1], [1, 1], [1, 1], [2, 0], [2, 2]]
    # By hand: 12 answers, 4 + 4 + ... equal pairs; D_o = 4 / 12, D_e = (144 - 16 - 25 - 9) / (12 * 11).
    expected = 1 - (4 / 12) / ((144 - 4**2 - 5**2 - 3**2) / (12 * 11))
    assert krippendorff_alpha(codes, range(6)).value == pytest.approx(expected)
    assert pairwise_agreement(codes, range(6)).value == pytest.approx(4 / 6)


def test_chance_is_zero_agreement_is_one_and_nothing_is_nan() -> None:
    generator = np.random.default_rng(0)
    guessed = generator.integers(0, 4, (4000, 3))
    assert abs(krippendorff_alpha(guessed, np.arange(4000)).value) < 0.03
    assert pairwise_agreement(guessed, np.arange(4000)).value == pytest.approx(0.25, abs=0.02)
    same = np.repeat(generator.integers(0, 4, (50, 1)), 3, axis=1)
    assert krippendorff_alpha(same, np.arange(50)).value == 1
    assert math.isnan(krippendorff_alpha([[1, 1], [1, 1]], [0, 1]).value)
    assert math.isnan(krippendorff_alpha([[0, -1], [-1, 1]], [0, 1]).value)
    assert math.isnan(pairwise_agreement([[0, -1]], [0]).value)
    for nothing in ([], np.zeros((0, 3), dtype=int), np.zeros((2, 0), dtype=int)):
        clips = np.arange(len(nothing))
        assert math.isnan(krippendorff_alpha(nothing, clips).value)
        assert math.isnan(pairwise_agreement(nothing, clips).value)
