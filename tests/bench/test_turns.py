"""The benches time all ways by turns, and compare them turn by turn."""

import time

import pytest

from scripts.bench.result import Result
from scripts.bench.turns import FEWEST_TURNS, Side, Times, alternate


def test_ways_change_their_order_and_warm_up_is_not_counted() -> None:
    """A machine that slows down during a turn would always hit the same side if the order were fixed."""
    order: list[str] = []
    sides = [Side("a", lambda: order.append("a"), lambda: order.append("-")), Side("b", lambda: order.append("b"))]
    times = alternate(sides, 2)
    assert "".join(order) == "b-a" + "-ab" + "b-a"
    assert [len(found.wall) for found in times.values()] == [2, 2]


def test_what_comes_before_a_turn_is_not_timed() -> None:
    (found,) = alternate([Side("a", lambda: None, lambda: time.sleep(0.02))], 1).values()
    assert found.wall[0] < 0.02


def test_a_budget_leaves_enough_turns_for_a_spread() -> None:
    (found,) = alternate([Side("a", lambda: None)], 100, budget=0).values()
    assert len(found.wall) == FEWEST_TURNS


def test_sides_are_divided_turn_by_turn() -> None:
    """The machine is three times as slow in the second turn; the ratio is not."""
    times = {
        "peer": Times([9, 9, 9], [2.0, 6.0, 2.0]),
        "ours": Times([1, 1, 1], [1.0, 3.0, 1.0]),
        "hash": Times([1, 1, 1], [0.5, 1.5, 0.5]),
    }
    row = Result.of("bench", times, ours="ours", peer="peer", limit="hash", aim="2")
    assert (row.low, row.middle, row.high, row.turns) == (2.0, 2.0, 2.0, 3)
    assert row.limit == "hash: 50% of ours; aim 2"
    assert Result.of("bench", times, ours="ours", peer="peer", by_clock=True).middle == pytest.approx(9)
