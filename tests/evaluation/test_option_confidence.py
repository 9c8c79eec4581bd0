"""Confidence does not depend on how many tokens a name has."""

import math

import numpy as np
import pytest

from mma_bench.evaluation.option_confidence import FEWEST_ANSWERS, NORMALISATIONS, OptionConfidence, normalised

OPTIONS = ["Cat", "Keyboard_musical", "Utility_Liquid_Sounds"]
TOKENS = {"Cat": 1, "Keyboard_musical": 4, "Utility_Liquid_Sounds": 7}


def answers(count: int) -> list[tuple[dict[str, float], dict[str, int]]]:
    """Each token costs 3 nats and evidence is worth 2: a sum would always choose Cat, a mean the longest name."""
    generator = np.random.default_rng(0)
    found = []
    for number in range(count):
        right = OPTIONS[number % 3]
        scores = {name: -3.0 * TOKENS[name] + 2 * (name == right) + generator.normal(0, 0.1) for name in OPTIONS}
        found.append((scores, TOKENS))
    return found


def test_the_evidence_decides_and_not_the_length() -> None:
    run = answers(60)
    sure = OptionConfidence(run)
    found = [sure.likeliest(scores, tokens, OPTIONS) for scores, tokens in run]
    assert [option for _, option in found] == [OPTIONS[number % 3] for number in range(60)]
    assert all(0.5 < probability < 0.9 for probability, _ in found)
    assert all(max(scores, key=lambda name: scores[name]) == "Cat" for scores, _ in run)


def test_few_answers_are_divided_by_length_and_scores_without_tokens_are_taken_as_they_are() -> None:
    few = answers(FEWEST_ANSWERS - 1)
    scores = few[0][0]
    by_length = normalised(scores, TOKENS, "mean")
    assert OptionConfidence(few).likeliest(scores, TOKENS, OPTIONS)[1] == max(
        by_length, key=lambda name: by_length[name]
    )
    probabilities = {"Cat": math.log(0.2), "Keyboard_musical": math.log(0.7), "Utility_Liquid_Sounds": math.log(0.1)}
    assert OptionConfidence([(probabilities, {})] * 50).likeliest(probabilities, {}, OPTIONS) == (
        pytest.approx(0.7),
        "Keyboard_musical",
    )


def test_missing_scores_give_no_confidence_and_unknown_ways_are_refused() -> None:
    sure = OptionConfidence([])
    assert math.isnan(sure.likeliest({}, {}, OPTIONS)[0])
    assert math.isnan(sure.likeliest({"Cat": -1.0}, {"Cat": 1}, OPTIONS)[0])
    assert set(NORMALISATIONS) == {"sum", "mean", "prior", "batch"}
    with pytest.raises(ValueError, match="'batch'"):
        normalised({"Cat": -1.0}, {}, "batch")
