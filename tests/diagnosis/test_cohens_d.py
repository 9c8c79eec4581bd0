"""Effect sizes and the bootstrap over clips: known values, honest intervals, pairs that belong together."""

import numpy as np
import pandas as pd
import pytest

from mma_bench.diagnosis.effect_size import cohens_d, d_change
from mma_bench.diagnosis.parts.attention import ANSWERING
from mma_bench.diagnosis.parts.cohens_d import question_pairs
from mma_bench.evaluation.statistics.bootstrap import bootstrap, mean


def planted(clips: int, seed: int, d: float = 1.0, shared: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of which the second column differs by ``d`` standard deviations; what both share cancels in pairs."""
    generator = np.random.default_rng(seed)
    own = generator.normal(0, shared, (clips, 1))
    noise = generator.normal(0, 1, (2, clips, 2))
    first, second = own + noise[0] + np.array([0, d]), own + noise[1]
    return first, second, np.array([f"clip {number}" for number in range(clips)])


def test_d_is_that_of_the_textbook() -> None:
    first, second, clips = planted(40, 0)
    pooled = cohens_d(first, second, clips, paired=False, seed=0)
    paired = cohens_d(first, second, clips, paired=True, seed=0)
    spread = np.sqrt((first.var(axis=0, ddof=1) + second.var(axis=0, ddof=1)) / 2)
    assert [one.value for one in pooled] == pytest.approx((first.mean(0) - second.mean(0)) / spread)
    difference = first - second
    assert [one.value for one in paired] == pytest.approx(difference.mean(0) / difference.std(0, ddof=1))
    assert all(one.low < one.value < one.high and one.clips == 40 for one in (*pooled, *paired))
    again = cohens_d(first + 1e8, second + 1e8, clips, paired=False, seed=0)
    assert [one.value for one in again] == pytest.approx([one.value for one in pooled], rel=1e-5)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = 1 / np.sqrt(2)  # of the differences, whose standard deviation is the root of 2
    hits = 0
    for seed in range(60):
        first, second, clips = planted(60, seed)
        _, found = cohens_d(first, second, clips, paired=True, seed=seed)
        hits += found.low <= truth <= found.high
    assert 52 <= hits <= 59


def test_rows_about_one_clip_are_drawn_together() -> None:
    first, second, clips = planted(30, 1)
    once = cohens_d(first, second, clips, paired=True, seed=0)
    thrice = cohens_d(np.tile(first, (3, 1)), np.tile(second, (3, 1)), np.tile(clips, 3), paired=True, seed=0)
    for one, other in zip(once, thrice, strict=True):
        assert other.clips == one.clips == 30
        assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.05)


def test_what_does_not_differ_has_no_effect() -> None:
    first, _, clips = planted(20, 2)
    for paired in (True, False):
        assert [(one.value, one.low, one.high) for one in cohens_d(first, first, clips, paired=paired, seed=0)] == [
            (0.0, 0.0, 0.0)
        ] * 2
    assert [one.value for one in d_change((first, first), (first, first), clips, seed=0)] == [0.0, 0.0]


def test_growth_of_d_is_found_and_paired_by_clip() -> None:
    first, second, clips = planted(80, 3, d=0.5, shared=0.1)
    stronger = first + np.array([0, 2.0])
    unchanged, grown = d_change((first, second), (stronger, second), clips, seed=0)
    assert unchanged.value == 0
    assert grown.low > 1


def test_too_little_to_draw_from_has_no_interval() -> None:
    assert bootstrap(lambda weights: weights.sum(axis=1), []) == []
    (one,) = mean([2.0, 4.0], ["a", "a"])
    assert (one.value, one.clips) == (3.0, 1)
    assert np.isnan([one.low, one.high]).all()
    (with_gap,) = mean([2.0, np.nan, 4.0, 6.0], ["a", "b", "c", "d"])
    assert with_gap.value == 4.0
    (nothing,) = mean([np.nan, np.nan], ["a", "b"])
    assert np.isnan(nothing.value)


def test_questions_about_one_stimulus_are_paired() -> None:
    rows = [
        {"condition": condition, "modality": modality, "variant": "standard", "key": key, "clip": key,
         "source": ANSWERING, "layer": layer, "head": head, "group": group, "mass": value + head}
        for modality, sign in (("visual", 1), ("audio", -1))
        for number, key in enumerate(["b", "a", "c"])
        for condition in ("aligned", "misaligned")
        for layer in (0, 1)
        for group in ("video", "audio", "question")
        for head in (0, 1)
        for value in [sign * number + 10 * layer]
        if (modality, key, condition) != ("audio", "c", "misaligned")
    ]  # fmt: skip
    shuffled = pd.DataFrame(rows).sample(frac=1, random_state=0)
    found = question_pairs(shuffled, ANSWERING)
    assert set(found) == {"aligned", "misaligned"}
    visual, audio = found["aligned"]
    assert [key for key, *_ in visual.index] == [key for key, *_ in audio.index] == ["a", "b", "c"]
    assert visual["video", 1].tolist() == [11.5, 10.5, 12.5]
    assert audio["video", 1].tolist() == [9.5, 10.5, 8.5]
    assert [key for key, *_ in found["misaligned"][0].index] == ["a", "b"]
    assert {group for group, _ in visual.columns} == {"video", "audio"}
