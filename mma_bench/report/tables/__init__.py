"""The tables of a report, each made once as data and written as LaTeX, Markdown, CSV and JSON."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.analyses.names import check_name
from mma_bench.evaluation.analyses.registry import ANALYSES
from mma_bench.registry import BUILT_IN, Registered, Registry, left_out
from mma_bench.report.order import TABLES as ORDER
from mma_bench.report.order import TAKEN, in_order
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Table
from mma_bench.report.tables.layouts import layouts_table
from mma_bench.report.tables.people import people_table
from mma_bench.report.tables.published import published_table
from mma_bench.report.tables.registered import registered_table
from mma_bench.report.tables.shortcuts import shortcuts_table
from mma_bench.report.tables.usage import usage_table

__all__ = ["TABLES", "analysis_tables", "published_table"]

_OF_A_RUN = re.compile(r"scores_[0-9]+")

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
    found: list[Table | None] = []
    for analysis in ANALYSES.entries():
        with left_out(analysis, "table of the analysis"):
            found.append(_checked(registered_table(analysis.value, runs), analysis, found))
    found += [layouts_table(runs), shortcuts_table(runs), people_table(runs), usage_table(runs)]
    for entry in TABLES.entries():
        with left_out(entry, "table"):
            found.append(_checked(entry.value(runs), entry, found))
    return in_order(found, ORDER)


def _checked(table: Table | None, entry: Registered[Any], found: Sequence[Table | None]) -> Table | None:
    """Return ``table``; one of a user's may not replace another's files."""
    if table and entry.origin != BUILT_IN:
        check_name("the table", table.name, {*TAKEN["table"], *(other.name for other in found if other)})
        if _OF_A_RUN.fullmatch(table.name):
            raise MMABenchError(f"the table has the name {table.name!r}, which is that of a run's scores")
    return table
