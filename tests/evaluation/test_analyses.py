"""Analyses as files: each is documented, and one of a user's gets what its parameters name."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

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
