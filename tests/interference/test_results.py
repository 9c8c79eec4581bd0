"""Planted effects are recovered within their intervals."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mma_bench import MMABenchError
from mma_bench.interference.decisions import Decision, read_decisions, write_decisions
from mma_bench.interference.results import effect_of, results_of

OPTIONS = 4


def decision(
    item: int, went: str, *, draw: int = 0, clean: str = "right", intervention: str = "misleading_text"
) -> Decision:
    label = {"same": clean, "suggested": "wrong", "right": "right", "other": "third", "unreadable": "<unparsed>"}[went]
    return Decision(
        question_id=f"{item}/{intervention}/{draw}", item=str(item), cluster=str(item), kind="visual",
        intervention=intervention, changes="text", strength=None, draw=draw, options=OPTIONS, answer="right",
        suggested="wrong", text=label, outcome="answered", decision=label, clean_decision=clean,
        correct=label == "right", clean_correct=clean == "right", changed=label != clean, went=went, prompt="?",
    )  # fmt: skip


def test_effect_counts_changes_and_where_they_go() -> None:
    rows = [decision(n, went) for n, went in enumerate(["same", "same", "suggested", "other", "unreadable"])]
    rows += [decision(9, "right", clean="third")]
    found = effect_of(rows)
    assert (found.answers, found.items, found.lost, found.gained) == (6, 6, 3, 1)
    shares = (found.effect, found.to_suggested, found.to_right, found.to_other, found.to_unreadable)
    assert [round(6 * one.value) for one in shares] == [4, 1, 1, 1, 1]
    assert round(6 * found.clean.value) == 5
    assert round(6 * found.accuracy.value) == 3
    assert round(found.difference.value, 6) == -0.333333
    assert (found.follow.value, round(found.follow_by_chance, 3)) == (1 / 4, 0.333)


def test_intervals_hold_the_planted_probability_also_for_draws_of_one_item() -> None:
    """Forty items with five draws each, of which some items follow more often than others; mean 0.3."""
    held = []
    for seed in range(300):
        generator = np.random.default_rng(seed)
        tendency = generator.beta(0.6, 1.4, 40)
        rows = [
            decision(item, "suggested" if generator.random() < tendency[item] else "same", draw=draw)
            for item in range(40)
            for draw in range(5)
        ]
        effect = effect_of(rows).effect
        held.append(effect.low <= 0.3 <= effect.high)
    assert 0.92 <= np.mean(held) <= 0.99


def test_results_are_in_the_order_of_kinds_and_interventions_whatever_the_order_of_decisions() -> None:
    rows = [
        decision(item, "same", intervention=name)
        for item in range(4)
        for name in ("clean", "again", "noise_sound", "misleading_text")
    ]
    shuffled = random.Random(0).sample(rows, len(rows))
    results = results_of(shuffled, ["misleading_text", "noise_sound"], 0)
    assert [one.intervention for one in results.effects] == ["again", "misleading_text", "noise_sound"]
    assert all(one.effect.value == 0 for one in results.effects)
    assert results.clean[0].chance == 1 / OPTIONS


def test_chance_counts_every_option_after_an_answer_without_one() -> None:
    found = effect_of([decision(0, "suggested", clean="<unparsed>"), decision(1, "suggested", clean="<b>")])
    assert found.follow_by_chance == (1 / OPTIONS + 1 / (OPTIONS - 1)) / 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("options", 1), ("options", 0), ("changed", None), ("cluster", None), ("went", "x"), ("kind", "x")],
)
def test_decisions_that_no_run_writes_are_one_error(tmp_path: Path, column: str, value: object) -> None:
    write_decisions(tmp_path, [decision(0, "same"), decision(1, "suggested")])
    assert len(read_decisions(tmp_path)) == 2
    table = pq.read_table(tmp_path / "decisions.parquet")
    place, kind = table.schema.get_field_index(column), table.schema.field(column)
    changed = table.set_column(place, kind, pa.array([value] * 2, type=kind.type))
    pq.write_table(changed, tmp_path / "decisions.parquet")
    with pytest.raises(MMABenchError, match=f"row 0 has {column} = "):
        read_decisions(tmp_path)
