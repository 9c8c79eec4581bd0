"""Damaged rows of a segment list: what is wrong with them, and which can be recovered."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What is wrong with a row, in the words of the error message."""

    LOST_ID = (
        "the id became a spreadsheet's error value: a spreadsheet program re-saved the file, "
        "and took ids that begin with '-' or '=' for formulas (#NAME?)"
    )
    REQUOTED = "labels in split columns, with commas at the end: a spreadsheet program re-saved the file"
    COLUMNS = 'not the four columns `YTID, start_seconds, end_seconds, "labels"`, with a comma and a space between'
    CUT = "the row breaks off: an interrupted download"
    ID = "not a YouTube id (11 letters, digits, '-' or '_')"
    TIME = "start or end is no number of seconds, or the end is not after the start"
    LABELS = 'labels are not one quoted list such as "/m/09x0r,/t/dd00088"'
    UNKNOWN_LABEL = "a label that the ontology does not have: another version of the ontology, or a typing error"
    TWICE = "a segment that an earlier row has"


@dataclass(frozen=True)
class BadRow:
    """A row that is not in the official format.

    Attributes:
        row: Line of the file, from 1, header lines counted.
        fault: What is wrong.
        text: The row, cut to 120 characters.
        read_back: The row in the official format if only its quoting was damaged, otherwise None.
    """

    row: int
    fault: Fault
    text: str
    read_back: str | None = None


_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_TIME = re.compile(r"[0-9]{1,7}(\.[0-9]{1,3})?")
_LABEL = re.compile(r"[!#-+\--~]+")  # printable ASCII except the quote and the comma


def examine(row: int, text: str) -> BadRow:
    """Return what is wrong with a row that is not in the official format.

    A spreadsheet program splits the quoted labels at their commas, doubles quotes, drops decimals that are zero and
    appends commas. All of this can be undone, so such a row has ``read_back``. An id that became `#NAME?` is lost.
    """
    shown = text if len(text) <= 120 else text[:117] + "..."
    youtube_id, *rest = (field.strip(' "') for field in text.split(","))
    if youtube_id.startswith("#"):
        return BadRow(row, Fault.LOST_ID, shown)
    requoted = text.endswith(",") or '""' in text
    if not requoted:
        return BadRow(row, _plain_fault(text), shown)
    labels = [field for field in rest[2:] if field]
    if not _ID.fullmatch(youtube_id):
        return BadRow(row, Fault.ID, shown)
    if len(rest) < 2 or not all(_TIME.fullmatch(time) for time in rest[:2]):
        return BadRow(row, Fault.TIME, shown)
    if not labels or not all(_LABEL.fullmatch(label) for label in labels):
        return BadRow(row, Fault.LABELS, shown)
    official = f'{youtube_id}, {rest[0]}, {rest[1]}, "{",".join(labels)}"'
    return BadRow(row, Fault.REQUOTED, shown, official)


def _plain_fault(text: str) -> Fault:
    fields = text.split(", ")
    if len(fields) != 4:
        return Fault.CUT if text and len(text.split(",")) < 4 else Fault.COLUMNS
    if not _ID.fullmatch(fields[0]):
        return Fault.ID
    if not (_TIME.fullmatch(fields[1]) and _TIME.fullmatch(fields[2])):
        return Fault.TIME
    return Fault.CUT if fields[3].startswith('"') and fields[3].count('"') == 1 else Fault.LABELS


def describe(name: str, rows: int, bad: Sequence[BadRow]) -> str:
    """Return one message about all bad rows of the list ``name``, which has ``rows`` rows."""
    by_fault: defaultdict[Fault, list[BadRow]] = defaultdict(list)
    for entry in bad:
        by_fault[entry.fault].append(entry)
    parts = [
        f"{ranges(entry.row for entry in entries)}: {fault.value}, such as {entries[0].text!r}"
        for fault, entries in by_fault.items()
    ]
    return f"{name}: {len(bad)} of {rows} rows are not in AudioSet's form. " + ". ".join(parts)


def ranges(rows: Iterable[int], limit: int = 6) -> str:
    """Return row numbers in words: `rows 4-7, 9 and 12 more`."""
    runs: list[list[int]] = []
    count = 0
    for row in sorted(rows):
        count += 1
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs[:limit])
    left = count - sum(last - first + 1 for first, last in runs[:limit])
    return f"row{'s' if count > 1 else ''} {shown}" + (f" and {left} more" if left else "")
