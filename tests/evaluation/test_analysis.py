"""The analyses, against scipy and statsmodels, and on simulated models whose reliance is known."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from mma_bench.evaluation.analyses import analyse
from mma_bench.evaluation.analyses.abstention import abstentions
from mma_bench.evaluation.analyses.baselines import baselines
from mma_bench.evaluation.analyses.calibration import calibrations
from mma_bench.evaluation.analyses.changes import changes
from mma_bench.evaluation.analyses.competence import competence_splits
from mma_bench.evaluation.analyses.doses import dose_responses
from mma_bench.evaluation.analyses.joint import joint_accuracies
from mma_bench.evaluation.analyses.reliance import reliances
from mma_bench.evaluation.analyses.sensitivity import sensitivities
from mma_bench.evaluation.statistics import holm, mcnemar, share
from mma_bench.evaluation.statistics.logistic import fit_logistic
from mma_bench.evaluation.statistics.power import smallest_difference
from mma_bench.schema import Modality
from tests.evaluation.simulated import CLASSES, conflict, empty_table, joined, questions

SEEDS = 200


def covered(hits: int) -> bool:
    """Whether so many of `SEEDS` 95% intervals that hold the truth are what chance allows."""
    low, high = stats.binom.ppf([0.0005, 0.9995], SEEDS, 0.95)
    return bool(low <= hits <= high)


def test_a_model_that_follows_the_video_70_percent_of_the_time_is_measured_as_such() -> None:
    found = {"visual": 0, "audio": 0, "neither": 0}
    for seed in range(SEEDS):
        table = conflict(np.random.default_rng(seed), 120, visual=0.7, audio=0.2)
        both = next(row for row in reliances(table) if row.modality is None)
        for name, truth in (("visual", 0.7), ("audio", 0.2), ("neither", 0.1)):
            estimate = getattr(both, name)
            found[name] += estimate.low <= truth <= estimate.high
        assert both.text.value == 0
        assert both.visual.value + both.audio.value + both.neither.value == pytest.approx(1)
    # Two questions a clip with one kind of answer: intervals that took them for independent would cover 83%.
    assert all(covered(hits) for hits in found.values()), found


def test_competence_and_interference_are_told_apart() -> None:
    """A model that knows 80% of the clips and loses 30% of those under conflict lacks 20% and is misled in 24%."""
    hits = {"lacking": 0, "interference": 0}
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        seen = generator.integers(CLASSES, size=150)
        heard = (seen + 1) % CLASSES
        unknown = (seen + 2) % CLASSES
        knows, misled = generator.random(150) < 0.8, generator.random(150) < 0.3
        alone = np.where(knows, seen, unknown)
        together = np.where(knows & misled, heard, alone)
        table = joined(
            [
                questions("audio_removed", "visual", seen, np.full(150, -1), alone),
                questions("misaligned", "visual", seen, heard, together),
            ]
        )
        (split,) = competence_splits(table)
        assert 1 - split.accuracy.value == pytest.approx(split.lacking.value + split.interference.value)
        assert split.interference.value == pytest.approx(split.taken.value - split.given.value)
        assert split.misled.value == split.taken.value
        hits["lacking"] += split.lacking.low <= 0.2 <= split.lacking.high
        hits["interference"] += split.interference.low <= 0.24 <= split.interference.high
    assert all(covered(number) for number in hits.values()), hits


def test_intervals_of_shares_are_wilsons_and_do_not_shrink_when_questions_are_repeated() -> None:
    generator = np.random.default_rng(1)
    right = generator.random(60) < 0.3
    single = share(right, np.arange(60))
    assert (single.low, single.high) == pytest.approx(proportion_confint(right.sum(), 60, method="wilson"))
    repeated = share(np.repeat(right, 5), np.repeat(np.arange(60), 5))
    assert (repeated.low, repeated.high) == pytest.approx((single.low, single.high))
    independent = generator.random(3000) < 0.3
    pooled = share(independent, np.repeat(np.arange(600), 5))
    expected = proportion_confint(independent.sum(), 3000, method="wilson")
    assert (pooled.low, pooled.high) == pytest.approx(expected, abs=0.003)


def test_mcnemar_and_holm_agree_with_statsmodels() -> None:
    generator = np.random.default_rng(2)
    before, after = generator.random(80) < 0.8, generator.random(80) < 0.6
    counts = [[(before & after).sum(), (before & ~after).sum()], [(~before & after).sum(), (~before & ~after).sum()]]
    exact = mcnemar(before, after, np.arange(80))
    assert exact == pytest.approx(reference_mcnemar(counts, exact=True).pvalue)
    # Twice the same answers about each clip say no more than once; chi-square without correction for one pair each.
    doubled = mcnemar(np.repeat(before, 2), np.repeat(after, 2), np.repeat(np.arange(80), 2))
    assert doubled == pytest.approx(reference_mcnemar(counts, exact=False, correction=False).pvalue)
    p_values = generator.random(9) ** 3
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_changes_joint_accuracy_and_abstention_of_a_model_that_only_looks() -> None:
    seen = np.arange(40) % CLASSES
    heard, gone = (seen + 3) % CLASSES, np.full(40, -1)
    nothing = np.full(40, -2)
    table = joined(
        [
            *(questions("aligned", m, seen, seen, seen) for m in Modality),
            *(questions("misaligned", m, seen, heard, seen) for m in Modality),
            *(questions("audio_removed", m, seen, gone, seen) for m in Modality),
            *(questions("frames_zeroed", m, gone, seen, nothing) for m in Modality),
        ]
    )
    found = {(change.condition, change.modality): change for change in changes(table)}
    assert set(found) == {("misaligned", v) for v in Modality} | {
        ("audio_removed", Modality.VISUAL),
        ("frames_zeroed", Modality.AUDIO),
    }
    assert found["misaligned", Modality.VISUAL].causal_effect.value == 0
    assert found["frames_zeroed", Modality.AUDIO].lost == 40
    assert found["frames_zeroed", Modality.AUDIO].significant
    joint = {row.condition: row for row in joint_accuracies(table)}
    assert set(joint) == {"aligned", "misaligned"}
    assert joint["misaligned"].both.value == 0
    assert joint["misaligned"].only_visual.value == 1
    visual, audio = abstentions(table)
    assert (visual.recall.value, visual.precision.value, visual.hallucination.value) == (1, 1, 0)
    assert (audio.recall.value, audio.precision.value, audio.hallucination.value) == (0, 0, 1)
    assert audio.false_alarms.value == pytest.approx(1 / 3)
    scores = {(row.name, row.condition, row.modality): row.accuracy for row in baselines(table)}
    assert scores["visual-only", "misaligned", Modality.VISUAL] == 1
    assert scores["visual-only", "misaligned", Modality.AUDIO] == 0
    assert scores["audio-only", "audio_removed", Modality.VISUAL] == 0
    assert scores["random", "aligned", Modality.VISUAL] == pytest.approx(1 / CLASSES)
    assert scores["majority", "aligned", Modality.VISUAL] == 0.1


def test_the_dose_of_equal_dominance_is_found() -> None:
    generator = np.random.default_rng(3)
    levels = np.repeat(np.linspace(-20, 20, 9), 60)
    goes_over = generator.random(len(levels)) < 1 / (1 + np.exp(-0.25 * (levels - 4)))
    fit = sm.GLM(goes_over, sm.add_constant(levels), family=sm.families.Binomial()).fit()
    hits = np.array([[goes_over[levels == level].sum() for level in np.unique(levels)]], dtype=float)
    assert fit_logistic(np.unique(levels), hits, np.full((1, 9), 60.0))[0] == pytest.approx(fit.params, rel=1e-5)
    rows = len(levels)
    own, other = np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=np.int64)
    asked = replace(
        questions("mixed_audio", "audio", own, own, np.where(goes_over, other, own)),
        distractor=other,
        level=levels,
        clip=np.tile(np.arange(60), 9),
    )
    (response,) = dose_responses(asked)
    place = response.equal_dominance
    assert place is not None
    assert place.value == pytest.approx(-fit.params[0] / fit.params[1], rel=1e-4)
    assert place.low < 4 < place.high < place.low + 5
    assert [point.level for point in response.points] == list(np.linspace(-20, 20, 9))
    never = replace(asked, decision=own, correct=np.ones(rows, dtype=bool))
    assert dose_responses(never)[0].equal_dominance is None


def test_calibration_of_a_model_that_is_right_as_often_as_it_says_and_of_one_that_boasts() -> None:
    generator = np.random.default_rng(4)
    confidence = generator.uniform(0.1, 1, size=4000)
    right = generator.random(4000) < confidence
    seen = np.zeros(4000, dtype=np.int64)
    table = replace(questions("aligned", "visual", seen, seen, seen), confidence=confidence, confident_right=right)
    (honest,) = calibrations(table)
    assert honest.ece < honest.ece_limit < 0.04
    assert sum(part.answers for part in honest.bins) == 4000
    risks = [point.risk for point in honest.risk_coverage]
    assert risks[0] < 0.05 < risks[-1] == pytest.approx(1 - right.mean())
    (boastful,) = calibrations(replace(table, confidence=np.sqrt(confidence)))
    assert boastful.ece > boastful.ece_limit
    assert boastful.ece == pytest.approx(np.mean(np.sqrt(confidence) - confidence), abs=0.02)
    assert boastful.aurc == pytest.approx(honest.aurc)


def test_sensitivity_to_the_order_of_options() -> None:
    seen = np.arange(50) % CLASSES
    steady = np.where(np.arange(50) < 45, seen, (seen + 2) % CLASSES)  # always wrong, but always the same
    standard = questions("aligned", "visual", seen, seen, steady)
    turned = np.where(np.arange(50) < 10, (seen + 1) % CLASSES, steady)
    shuffled = replace(
        questions("aligned", "visual", seen, seen, turned),
        variant=np.full(50, "shuffled_options_1", dtype=object),
    )
    (found,) = sensitivities(joined([standard, shuffled]))
    assert found.kind == "option order"
    assert [score.accuracy.value for score in found.scores] == [0.9, 0.7]
    assert (found.spread, found.unstable.value) == (pytest.approx(0.2), 0.2)


def test_the_smallest_difference_is_found_four_times_in_five() -> None:
    pairs, discordant = 300, 0.3
    difference = smallest_difference(pairs, discordant)
    generator = np.random.default_rng(5)
    lost = (discordant + difference) / 2
    counts = generator.multinomial(pairs, [lost, discordant - lost, 1 - discordant], size=1500)
    z = (counts[:, 0] - counts[:, 1]) / np.sqrt(counts[:, 0] + counts[:, 1])
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.04)
    assert smallest_difference(pairs, 0.0) > 0
    assert smallest_difference(2, 0.5) == 1


def test_an_analysis_is_the_same_twice_and_takes_an_empty_run() -> None:
    table = conflict(np.random.default_rng(6), 30, visual=0.5, audio=0.5)
    assert analyse(table).to_json() == analyse(table).to_json()
    assert analyse(empty_table(0)).to_json()["reliance"] == []
