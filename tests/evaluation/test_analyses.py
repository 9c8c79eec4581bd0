"""Analyses as files: each is documented, and one of a user's gets what its parameters name."""

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.analyses import VerdictTable, analyse
from mma_bench.evaluation.analyses.registry import ANALYSES, analysis
from mma_bench.registry import BUILT_IN
from tests.conftest import ROOT
from tests.evaluation.simulated import conflict


@dataclass(frozen=True)
class Given:
    """What an analysis was given."""

    wordings: str
    average: str
    answers: int


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after the test what it registers."""
    for name in ("_known", "_made_of"):
        monkeypatch.setattr(ANALYSES, name, dict(getattr(ANALYSES, name)))


def test_the_table_of_scores_in_the_documentation_names_every_analysis_and_no_other() -> None:
    page = (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")
    rows = page.split("| score | in |")[1].split("\n\n")[0]
    named = set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", rows, re.MULTILINE))
    assert named == {entry.name for entry in ANALYSES.entries() if entry.origin == BUILT_IN} | {"cells"}


@pytest.mark.parametrize(("room", "above"), [("drawing", "evaluation|report"), ("evaluation", "report")])
def test_figures_are_drawn_without_the_report_that_shows_them(room: str, above: str) -> None:
    modules = sorted((ROOT / "mma_bench" / room).rglob("*.py"))
    assert not [path for path in modules if re.search(rf"(from|import) mma_bench\.({above})\b", path.read_text())]
    assert len(modules) > 3


@pytest.mark.usefixtures("registry")
def test_a_function_gets_what_its_parameters_name_and_graded_answers_only_if_it_asks() -> None:
    @analysis(title="all that there is", graded=True)
    def everything(table: VerdictTable, average: str, variants: list[str]) -> list[Given]:
        return [Given(" ".join(variants), average, len(table))]

    @analysis(title="the table alone")
    def alone(table: VerdictTable) -> list[Given]:
        return [Given("", "", len(table))]

    table = conflict(np.random.default_rng(0), 10, visual=0.5, audio=0.5)
    table = table.take(np.arange(len(table)))
    table.level[:3] = 5.0
    found = analyse(table, ["standard", "other"], "macro")
    assert found.everything == [Given("standard other", "macro", len(table))]
    assert found.of(Given) == [*found.alone, *found.everything]
    assert found.alone == [Given("", "", len(table) - 3)]
    assert found.to_json()["alone"] == [{"wordings": "", "average": "", "answers": len(table) - 3}]
    with pytest.raises(AttributeError, match="the run has no analysis 'alnoe'"):
        _ = found.alnoe


@pytest.mark.usefixtures("registry")
def test_an_analysis_of_a_user_that_fails_is_left_out_and_ours_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @analysis(title="no rows", columns={"missing": "n"})
    def incomplete(table: VerdictTable) -> list[Given]:
        return [Given("", "", len(table))]

    table = conflict(np.random.default_rng(0), 10, visual=0.5, audio=0.5)
    assert "incomplete" not in analyse(table).results
    (line,) = capsys.readouterr().err.splitlines()
    assert "its rows have no field 'missing', which columns names" in line
    broken = ANALYSES["joint"].__class__(**{**vars(ANALYSES["joint"]), "columns": ANALYSES["incomplete"].columns})
    entry = ANALYSES.entry("joint")
    monkeypatch.setitem(ANALYSES._known, "joint", entry.__class__("joint", broken, entry.help, entry.origin))
    with pytest.raises(Exception, match="no field 'missing'"):
        analyse(table)


@dataclass(frozen=True)
class Counted:
    """A row with a value of any kind."""

    count: Any


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.float32("inf"), None),
        ([np.int8(1), {"a": (np.uint16(2), Counted(np.float16(0.25)))}], [1, {"a": [2, {"count": 0.25}]}]),
    ],
)
def test_numbers_of_numpy_are_stored_as_numbers(value: object, stored: object) -> None:
    @analysis(title="counts")
    def counted(table: VerdictTable) -> list[Counted]:
        return [Counted(value)]

    found = analyse(conflict(np.random.default_rng(0), 10, visual=0.5, audio=0.5))
    assert json.loads(json.dumps(found.to_json()["counted"])) == [{"count": stored}]
    assert not isinstance(found.counted[0].count, np.generic)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    "value",
    [np.zeros(2), {1, 2}, [{"a": b"bytes"}], {1: "a"}, 1j, np.datetime64("2020-01-01"), "\ud800", object(), Counted],
)
def test_an_analysis_that_returns_what_json_cannot_hold_is_left_out(
    value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    @analysis(title="counts")
    def counted(table: VerdictTable) -> list[Counted]:
        return [Counted(value)]

    found = analyse(conflict(np.random.default_rng(0), 10, visual=0.5, audio=0.5))
    json.dumps(found.to_json())
    assert "counted" not in found.results
    assert "joint" in found.results
    (line,) = capsys.readouterr().err.splitlines()
    assert "the analysis 'counted' of tests.evaluation.test_analyses failed and is left out" in line
    assert "count" in line.partition("MMABenchError")[2]


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    "names",
    [
        {"table": "changes"},
        {"table": "../../evil"},
        {"table": "a b"},
        {"table": "Upper"},
        {"name": "variants"},
        {"name": "cells"},
        {"name": "../evil"},
        {"name": "joint"},
        {"name": "_mine"},
        {"name": "a" * 300},
    ],
)
def test_a_name_that_is_taken_or_cannot_name_a_file_is_refused(names: dict[str, str]) -> None:
    before = ANALYSES.names()
    with pytest.raises(MMABenchError, match=r"has the name|rename it"):

        @analysis(title="mine", **names)
        def mine(table: VerdictTable) -> list[Given]:
            return []

    assert ANALYSES.names() == before
