"""The order of the page: declared in one place, and complete."""

import re
from pathlib import Path

import pytest

from mma_bench.drawing.panels import Plot
from mma_bench.evaluation.analyses.registry import ANALYSES
from mma_bench.registry import BUILT_IN
from mma_bench.report import figures, tables
from mma_bench.report.facts import references
from mma_bench.report.order import FIGURES, TABLE_OF_FIGURE, TABLES
from mma_bench.report.render.latex import latex
from mma_bench.report.runs import read_runs
from mma_bench.report.table import Table


def test_every_table_of_an_analysis_has_its_place() -> None:
    ours = [entry.value for entry in ANALYSES.entries() if entry.origin == BUILT_IN]
    assert {one.table for one in ours if one.columns} | {"layouts", "people", "shortcuts", "usage"} == set(TABLES)


def test_the_page_shows_figures_and_tables_in_that_order(report: Path) -> None:
    html = (report / "index.html").read_text(encoding="utf-8")
    drawn = {path.stem for path in (report / "figures").glob("*.pdf")}
    assert drawn < set(FIGURES)  # the runs give no doses and no option scores
    shown = re.findall(r'<(?:section|details) id="(\w+)" class="[^"]*plot"', html)
    assert shown == [name for name in FIGURES if name in drawn]
    tables = re.findall(r'<details class="fold" id="table-(\w+)"', html.split('<section id="scores">')[1])
    written = {path.stem for path in (report / "tables").glob("*.tex")} - set(TABLE_OF_FIGURE.values())
    assert [name for name in tables if not name.startswith("scores_")] == [name for name in TABLES if name in written]


def test_figures_and_tables_of_users_replace_nothing_of_ours(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for registry in (tables.TABLES, figures.FIGURES):
        for kept in ("_known", "_made_of"):
            monkeypatch.setattr(registry, kept, dict(getattr(registry, kept)))
    refused = ("../../evil", "reliance", "published", "a}b", "Upper", "", "wanted")  # the last is a second one
    for number, name in enumerate(("wanted", *refused)):
        table, plot = Table(name, "mine", "", "", [], []), Plot(name, "mine", "", "", [], [])
        tables.TABLES.add(f"mine_{number}", lambda runs, table=table: table, f"t{number}")
        figures.FIGURES.add(f"mine_{number}", lambda runs, plot=plot: plot, f"f{number}")
    benchmark, scored = read_runs(runs, None)
    shown = [*tables.analysis_tables(scored), *figures.plots_of(scored, references(benchmark, ["standard"]))]
    assert [one.name for one in shown if one.title == "mine"] == ["wanted", "wanted"]
    for kind, line in zip(["table"] * 7 + ["figure"] * 7, capsys.readouterr().err.splitlines(), strict=True):
        assert re.match(f"note: the {kind} 'mine_[1-7]' of .* failed and is left out: .* has the name", line)


def test_the_label_of_a_table_is_a_word_in_latex() -> None:
    assert r"\label{tab:a-b-c}" in latex(Table("a}b_c", "", "", "", [], []))
