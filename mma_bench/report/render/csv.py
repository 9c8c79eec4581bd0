"""A table as CSV, which a spreadsheet opens without running anything in it."""

from collections.abc import Sequence

from mma_bench.files.text import csv_text
from mma_bench.report.table import Entry, Share, Table


def table_csv(table: Table) -> str:
    """Return ``table`` in long form: one line per entry, with the share from 0 to 1, its bounds and its marks."""
    rows: list[Sequence[object]] = []
    for row in table.rows:
        for column, entry in zip(table.columns, row.entries, strict=True):
            rows.append([row.name, row.kind, column.group, column.head, *_numbers(entry)])
    return csv_text(["name", "kind", "group", "column", "value", "low", "high", "marks"], rows)


def _numbers(entry: Entry) -> list[object]:
    if isinstance(entry, Share):
        return [entry.value, entry.low, entry.high, entry.marks]
    return [entry, None, None, ""]
