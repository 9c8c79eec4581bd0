"""A table as CSV, which a spreadsheet opens without running anything in it."""

import csv
import io
from collections.abc import Iterable, Sequence

from mma_bench.report.excerpts import visible
from mma_bench.report.tables.table import Entry, Share, Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def table_csv(table: Table) -> str:
    """Return ``table`` in long form: a line for each entry, shares from 0 to 1, bounds and marks beside them."""
    rows: list[Sequence[object]] = []
    for row in table.rows:
        for column, entry in zip(table.columns, row.entries, strict=True):
            rows.append([row.name, row.kind, column.group, column.head, *_numbers(entry)])
    return csv_text(["name", "kind", "group", "column", "value", "low", "high", "marks"], rows)


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return lines of CSV. Text that a spreadsheet would take for a formula gets an apostrophe in front of it."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_safe(value) for value in row])
    return target.getvalue()


def _safe(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if shown.lstrip(" ").startswith(_FORMULA) else shown


def _numbers(entry: Entry) -> list[object]:
    if isinstance(entry, Share):
        return [entry.value, entry.low, entry.high, entry.marks]
    return [entry, None, None, ""]
