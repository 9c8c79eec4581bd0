"""The table of changes: tests of several runs are corrected together, and the notes say what was corrected."""

from types import SimpleNamespace
from typing import Any

import pytest
from statsmodels.stats.multitest import multipletests

from mma_bench.evaluation.analyses import Analysis
from mma_bench.evaluation.analyses.changes import Change, corrected_together, p_text
from mma_bench.evaluation.analyses.registry import ANALYSES
from mma_bench.evaluation.statistics import Estimate
from mma_bench.report.tables.registered import registered_table
from mma_bench.schema import Modality

P_VALUES = [[0.012, 0.4, 0.0004], [], [0.02], [0.011, 0.0009, 0.9]]  # of four runs; 0.02 is below 0.05 alone


def change(condition: str, p_value: float) -> Change:
    share = Estimate(0.5, 0.4, 0.6, 10)
    return Change(condition, Modality.VISUAL, 10, 10.0, 5, 1, share, share, p_value, p_value, p_value < 0.05)


@pytest.fixture
def groups() -> list[list[Change]]:
    return [[change(f"{run} {i}", p) for i, p in enumerate(values)] for run, values in enumerate(P_VALUES)]


@pytest.fixture
def reference() -> list[float]:
    return list(multipletests([p for values in P_VALUES for p in values], method="holm")[1])


def test_changes_of_several_runs_are_corrected_for_all_of_them(
    groups: list[list[Change]], reference: list[float]
) -> None:
    corrected = corrected_together(groups)
    assert [[c.condition for c in changes] for changes in corrected] == [[c.condition for c in g] for g in groups]
    together = [c for changes in corrected for c in changes]
    assert [c.p_adjusted for c in together] == pytest.approx(reference)
    assert [c.significant for c in together] == [p < 0.05 for p in reference]
    assert [c.p_value for c in together] == [p for values in P_VALUES for p in values]
    assert not corrected[2][0].significant  # alone it would be


def test_the_table_shows_the_corrected_values_and_says_over_how_many(
    groups: list[list[Change]], reference: list[float]
) -> None:
    runs: list[Any] = [
        SimpleNamespace(label=f"run {i}", kind="model", analysis=Analysis(("standard",), {"changes": changes}))
        for i, changes in enumerate(groups)
    ]
    table = registered_table(ANALYSES["changes"], runs)
    assert table is not None
    place = [column.head for column in table.columns].index("p (Holm)")
    assert [row.entries[place] for row in table.rows] == [p_text(p) for p in reference]
    assert f"over all {len(reference)} comparisons" in table.notes[0]
    assert "one test at 5% finds with a chance of 80%, before Holm's correction" in table.notes[1]
