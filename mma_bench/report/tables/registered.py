"""The table of a registered analysis: one row for each row of each run."""

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from mma_bench.evaluation.analyses import Estimate
from mma_bench.evaluation.analyses.registry import Analyser
from mma_bench.files.text import visible
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Entry, Row, Share, Table, in_words, share_of


def registered_table(analyser: Analyser, runs: Sequence[ScoredRun]) -> Table | None:
    """Return the table of an analysis, or none if no run has a row."""
    found = [(run, row) for run in runs for row in run.analysis.rows(analyser.name)]
    if not found:
        return None
    helps = [f"{column.title}: {column.help}" for column in analyser.columns.values() if column.help]
    return Table(
        name=analyser.table,
        title=analyser.title,
        caption=analyser.caption,
        head=analyser.head or f"model: {', '.join(in_words(name) for name in _naming(analyser, found[0][1]))}",
        columns=[Column(column.title) for column in analyser.columns.values()],
        rows=[Row(f"{run.label}: {_name(analyser, row)}", _entries(analyser, row), run.kind) for run, row in found],
        notes=[*analyser.notes, *(["; ".join(helps) + "."] if helps else [])],
    )


def _naming(analyser: Analyser, row: Any) -> list[str]:
    """Return the fields that name a row."""
    return [field.name for field in fields(row) if field.name not in analyser.columns]


def _name(analyser: Analyser, row: Any) -> str:
    if analyser.row:
        return visible(analyser.row(row), one_line=True)
    parts = [getattr(row, name) for name in _naming(analyser, row)]
    return ", ".join("all" if part is None else in_words(str(part)) for part in parts) or "all"


def _entries(analyser: Analyser, row: Any) -> list[Entry]:
    return [_entry(getattr(row, name), signed=column.signed) for name, column in analyser.columns.items()]


def _entry(value: Any, *, signed: bool) -> Entry:
    match value:
        case Estimate():
            return share_of(value, signed=signed)
        case float():
            return Share(value, signed=signed) if math.isfinite(value) else None
        case None | int():
            return value
    return visible(str(value), one_line=True)
