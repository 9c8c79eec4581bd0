"""The table of a registered analysis: a line for each row of each run, unless the analysis makes other lines."""

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from mma_bench.evaluation.analyses import Estimate
from mma_bench.evaluation.analyses.registry import Analyser, Column
from mma_bench.files.text import visible
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column as Heading
from mma_bench.report.table import Entry, Row, Share, Table, in_words, share_of


def registered_table(analyser: Analyser, runs: Sequence[ScoredRun]) -> Table | None:
    """Return the table of an analysis, or none if it shows no columns or no run has a row."""
    if not analyser.columns:
        return None
    results = [run.analysis.rows(analyser.name) for run in runs]
    made = analyser.lines(results) if analyser.lines else results
    found = [(run, line) for run, lines in zip(runs, made, strict=True) for line in lines]
    if not found:
        return None
    return Table(
        name=analyser.table,
        title=analyser.title,
        caption=analyser.caption,
        head=analyser.head or f"model: {', '.join(in_words(name) for name in _naming(analyser, found[0][1]))}",
        columns=[Heading(column.title) for column in analyser.columns.values()],
        rows=[Row(f"{run.label}: {_name(analyser, line)}", _entries(analyser, line), run.kind) for run, line in found],
        notes=_notes(analyser, [line for _, line in found]),
    )


def _notes(analyser: Analyser, lines: Sequence[Any]) -> list[str]:
    helps = [f"{column.title}: {column.help}" for column in analyser.columns.values() if column.help]
    notes = analyser.notes(lines) if callable(analyser.notes) else analyser.notes
    return [*notes, *(["; ".join(helps) + "."] if helps else [])]


def _naming(analyser: Analyser, line: Any) -> list[str]:
    """Return the fields that name a line."""
    return [field.name for field in fields(line) if field.name not in analyser.columns]


def _name(analyser: Analyser, line: Any) -> str:
    if analyser.row:
        return visible(analyser.row(line), one_line=True)
    parts = [getattr(line, name) for name in _naming(analyser, line)]
    return ", ".join("all" if part is None else in_words(str(part)) for part in parts) or "all"


def _entries(analyser: Analyser, line: Any) -> list[Entry]:
    return [_entry(column, getattr(line, name), line) for name, column in analyser.columns.items()]


def _entry(column: Column, value: Any, line: Any) -> Entry:
    if column.text:
        return visible(column.text(value), one_line=True)
    marks = column.marks(line) if column.marks else ""
    match value:
        case Estimate():
            return share_of(value, marks=marks, signed=column.signed)
        case float():
            return Share(value, marks=marks, signed=column.signed) if math.isfinite(value) else None
        case None | int():
            return value
    return visible(str(value), one_line=True)
