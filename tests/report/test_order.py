"""The order of the page: declared in one place, and complete."""

import re
from pathlib import Path

from mma_bench.evaluation.analyses.registry import ANALYSES
from mma_bench.registry import BUILT_IN
from mma_bench.report.order import FIGURES, TABLE_OF_FIGURE, TABLES


def test_every_table_of_an_analysis_has_its_place() -> None:
    ours = [entry.value for entry in ANALYSES.entries() if entry.origin == BUILT_IN]
    assert {one.table for one in ours if one.columns} | {"usage"} == set(TABLES)


def test_the_page_shows_figures_and_tables_in_that_order(report: Path) -> None:
    html = (report / "index.html").read_text(encoding="utf-8")
    drawn = {path.stem for path in (report / "figures").glob("*.pdf")}
    assert drawn < set(FIGURES)  # the runs give no doses and no option scores
    shown = re.findall(r'<(?:section|details) id="(\w+)" class="[^"]*plot"', html)
    assert shown == [name for name in FIGURES if name in drawn]
    tables = re.findall(r'<details class="fold" id="table-(\w+)"', html.split('<section id="scores">')[1])
    written = {path.stem for path in (report / "tables").glob("*.tex")} - set(TABLE_OF_FIGURE.values())
    assert [name for name in tables if not name.startswith("scores_")] == [name for name in TABLES if name in written]
