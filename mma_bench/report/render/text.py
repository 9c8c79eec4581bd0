"""An entry of a table as plain text, the same in every rendering."""

from mma_bench.report.table import Entry, Share


def number_text(entry: Entry) -> str:
    """Return an entry without its interval and marks."""
    match entry:
        case None:
            return "–"
        case Share():
            return entry.text
        case bool() | str():
            return str(entry)
        case int():
            return f"{entry:,}"
    return f"{entry:.3g}"
