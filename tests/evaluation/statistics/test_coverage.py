"""Every interval holds the truth of planted models about as often as it says.

A 95% interval of a few answers cannot hold it in 95% of draws at every chance, because shares of 12 clips are multiples
of a twelfth. The rule here: 94% or more on average over chances from 0.03 to 0.97, and 88% or more at each.
"""

import numpy as np
import pytest

from mma_bench.evaluation.analyses.calibration import calibrations
from mma_bench.evaluation.statistics import mcnemar
from mma_bench.evaluation.statistics.paired import effective_pairs
from mma_bench.evaluation.statistics.power import smallest_difference
from tests.evaluation.coverage import measure, misses
from tests.evaluation.simulated import questions
from tests.evaluation.statistics.planted import CHANCES, INTERVALS, SIZES, coverages

ON_AVERAGE, AT_EACH = 0.94, 0.88


@pytest.mark.parametrize("clips", SIZES)
@pytest.mark.parametrize("name", INTERVALS)
def test_intervals_hold_the_truth(name: str, clips: int) -> None:
    draws = 60 if name == "equal dominance" and clips > 100 else 150
    found = dict(coverages(name, clips, draws))
    # Three standard errors of what so few draws can tell.
    allowed = 3 * np.sqrt(ON_AVERAGE * (1 - ON_AVERAGE) / draws)
    assert np.mean(list(found.values())) >= ON_AVERAGE - allowed / np.sqrt(len(CHANCES)), found
    assert min(found.values()) >= AT_EACH - allowed, found


def test_every_interval_in_the_scores_of_a_whole_run_holds_the_truth() -> None:
    """All fields of `scores.json` that have bounds, on runs with wordings and with clips in several stimuli.

    `python -m tests.evaluation.coverage` is the long form: its table is in docs/statistics.md.
    """
    assert misses(measure([12, 37], [0.1, 0.5, 0.9], draws=15, large=4_000)) == []


@pytest.mark.slow
def test_the_table_of_the_docs() -> None:
    """Prints docs/statistics.md's table: pytest -m slow -s tests/evaluation/statistics."""
    for name in INTERVALS:
        cells = []
        for clips in SIZES:
            found = dict(coverages(name, clips, 200 if name == "equal dominance" else 1500))
            cells.append(f"{100 * np.mean(list(found.values())):.1f} ({100 * min(found.values()):.0f})")
            assert np.mean(list(found.values())) >= ON_AVERAGE
            assert min(found.values()) >= AT_EACH
        print(f"| {name} | {' | '.join(cells)} |")


def test_a_calibrated_model_exceeds_the_limit_in_a_twentieth_of_draws_and_a_boastful_one_nearly_always() -> None:
    exceeded = {"honest": 0, "boastful": 0}
    for seed in range(60):
        generator = np.random.default_rng(seed)
        truth = generator.uniform(0.2, 0.95, size=200)
        seen = np.zeros(200, dtype=np.int64)
        for name, confidence in (("honest", truth), ("boastful", truth**0.4)):
            table = questions("aligned", "visual", seen, seen, seen)
            values = {**vars(table), "confidence": confidence, "confident_right": generator.random(200) < truth}
            (found,) = calibrations(type(table)(**{column: values[column] for column in vars(table)}))
            exceeded[name] += found.ece > found.ece_limit
            assert found.ece_by_chance < found.ece_limit
    assert exceeded["honest"] <= 9  # 99.8% point of 60 draws at 5%
    assert exceeded["boastful"] >= 57


def test_the_smallest_difference_of_three_wordings_is_found_four_times_in_five() -> None:
    """As many pairs as clips times wordings would promise a smaller one, which is found far less often."""
    clips, wordings = 300, 3
    codes = np.repeat(np.arange(clips), wordings)
    generator = np.random.default_rng(5)

    def drawn(gap: float) -> tuple[np.ndarray, np.ndarray]:
        place = np.repeat(generator.random(clips), wordings)
        lost, gained = place < 0.15 + gap / 2, place > 0.85 + gap / 2
        return ~gained, ~lost

    before, after = drawn(0.0)
    pairs = effective_pairs(before, after, codes)
    assert pairs == pytest.approx(clips)
    gap = smallest_difference(pairs, float((before != after).mean()))
    found = np.mean([mcnemar(*drawn(gap), codes) < 0.05 for _ in range(400)])
    assert found == pytest.approx(0.8, abs=0.06)
