"""The tables of a report, each made once as data and written as LaTeX, Markdown, CSV and JSON."""

from collections.abc import Callable, Sequence
from typing import Any

from mma_bench.evaluation.analyses.registry import ANALYSES
from mma_bench.registry import Registry, left_out
from mma_bench.report.order import TABLES as ORDER
from mma_bench.report.order import in_order
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Table
from mma_bench.report.tables.published import published_table
from mma_bench.report.tables.registered import registered_table
from mma_bench.report.tables.usage import usage_table

__all__ = ["TABLES", "analysis_tables", "published_table"]

MakeTable = Callable[[Sequence[ScoredRun]], Table | None]


def _adopt(found: Any) -> MakeTable:
    if not callable(found):
        raise TypeError("it is not a function of the runs")
    make: MakeTable = found
    return make


TABLES: Registry[MakeTable] = Registry("table", "tables", adopt=_adopt)
"""Tables of users that no analysis makes: functions of the runs."""


def analysis_tables(runs: Sequence[ScoredRun]) -> list[Table]:
    """Return every table of analyses for which there are data."""
    found = []
    for analysis in ANALYSES.entries():
        with left_out(analysis, "table of the analysis"):
            found.append(registered_table(analysis.value, runs))
    found.append(usage_table(runs))
    for table in TABLES.entries():
        with left_out(table, "table"):
            found.append(table.value(runs))
    return in_order(found, ORDER)
