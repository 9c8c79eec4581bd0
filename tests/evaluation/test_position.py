"""A planted preference for a position is found with its size, noise is not, and rephrasings keep what is asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mma_bench import evaluate, load
from mma_bench.evaluation.analyses import VerdictTable
from mma_bench.evaluation.analyses.position import position_preferences
from mma_bench.evaluation.analyses.table import ABSTAINED
from mma_bench.evaluation.protocols import apply_protocol, load_protocol
from mma_bench.models import Model
from mma_bench.questions import STANDARD
from tests.evaluation.simulated import empty_table, joined


def answered(seed: int, clips: int, preference: float, options: int, *, favourite: float = 0.0) -> VerdictTable:
    """Two shuffled wordings of each clip's question: a share of answers takes the first place, the rest a class.

    ``favourite`` is the share that names one class, which is no preference for a place.
    """
    generator = np.random.default_rng(seed)
    rows, clip = 2 * clips, np.repeat(np.arange(clips), 2)
    orders = np.array([generator.permutation(options) for _ in range(rows)])  # the class in each place
    decision = np.where(generator.random(rows) < favourite, 0, generator.integers(0, options, clips).repeat(2))
    place = np.argmax(orders == decision[:, None], axis=1)
    place = np.where(generator.random(rows) < preference, 0, place)
    return replace(
        empty_table(rows),
        modality=np.full(rows, "audio", dtype=object),
        variant=np.array(["shuffled_options_1", "shuffled_options_2"] * clips, dtype=object),
        clip=clip,
        stimulus=clip,
        decision=orders[np.arange(rows), place],
        place=place,
        options=np.full(rows, options),
    )


@pytest.mark.parametrize("options", [4, 61])
@pytest.mark.parametrize("preference", [0.0, 0.3])
def test_a_planted_preference_is_recovered_and_noise_is_none(options: int, preference: float) -> None:
    holds, found = [], []
    for seed in range(20):
        (row,) = position_preferences(answered(seed, 60, preference, options, favourite=0.5))
        truth = preference * (1 - row.even)
        holds.append(row.index.low - 1e-9 <= truth <= row.index.high + 1e-9)
        found.append(row)
    assert sum(holds) >= 18
    assert np.mean([row.index.value for row in found]) == pytest.approx(truth, abs=0.06)
    noticed = sum(row.p_value < 0.05 for row in found)
    assert noticed >= 18 if preference else noticed <= 3
    assert np.mean([row.first.value for row in found]) == pytest.approx(row.even + truth, abs=0.03)


def test_a_question_asked_twice_is_no_more_evidence_than_once() -> None:
    """Both questions about a stimulus share an order: the same class twice is the same place twice."""
    once = answered(3, 40, 0.0, 4)
    twice = once.take(np.arange(len(once)).repeat(8))
    (single,), (repeated,) = position_preferences(once), position_preferences(twice)
    assert repeated.p_value == pytest.approx(single.p_value, abs=0.03)
    assert repeated.noise == pytest.approx(single.noise, rel=0.05)
    assert (repeated.index.low, repeated.index.high) == pytest.approx((single.index.low, single.index.high))


def test_two_classes_in_one_list_never_share_a_place() -> None:
    """A model that always names both of two options chooses every place exactly as often in every order."""
    table = answered(1, 30, 0.0, 2)
    second = replace(table, decision=1 - table.decision, place=1 - table.place)
    (row,) = position_preferences(joined([table, second]))
    assert row.noise == row.unevenness == 0.0


def test_only_answers_to_shuffled_questions_that_name_an_option_count() -> None:
    table = answered(2, 30, 0.0, 4)
    plain = replace(table, variant=np.full(len(table), STANDARD, dtype=object))
    assert position_preferences(plain) == []
    silent = np.arange(len(table)) < 10
    some = replace(table, decision=np.where(silent, ABSTAINED, table.decision), place=np.where(silent, -1, table.place))
    assert position_preferences(some)[0].answers == len(table) - 10


class First(Model):
    """Takes the first option."""

    takes_media = False

    def answer(self, sample):  # type: ignore[no-untyped-def]
        return [question.options[0] for question in sample.questions]


def test_the_protocol_phrasing_rewords_the_instruction_and_reports_both(demo: Path, tmp_path: Path) -> None:
    asked = apply_protocol(load_protocol("phrasing"), load(demo, condition=["aligned", "misleading_caption"], limit=2))
    by_variant: dict[str, list[str]] = {}
    for row in asked:
        by_variant.setdefault(row.variant, []).append(row.prompt)
        assert f"{row.modality} content of this video" in row.prompt
        assert f"Options: {', '.join(row.options)}." in row.prompt
        assert (row.condition == "misleading_caption") == row.prompt.startswith("Video_caption: ")
    assert len({prompts[0] for prompts in by_variant.values()}) == 7
    assert len({len(prompts) for prompts in by_variant.values()}) == 1
    scores = evaluate(
        First(), demo, run=tmp_path / "run", protocol="phrasing", limit=6, condition="aligned", progress=False
    )
    found = scores.to_json()["analysis"]
    assert {row["kind"] for row in found["sensitivity"]} == {"option order", "instruction wording"}
    assert [row["modality"] for row in found["position"]] == ["visual", "audio"]
    assert found["position"][0]["first"]["value"] == 1.0
    assert found["position"][0]["p_value"] <= 0.01
