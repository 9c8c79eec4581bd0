"""A table as data: the page, LaTeX, Markdown, CSV and JSON all show the same one."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mma_bench.evaluation.analyses import Estimate
from mma_bench.files.text import visible
from mma_bench.schema import Modality

RowKind = Literal["model", "baseline", "reference", "published"]


@dataclass(frozen=True)
class Share:
    """A number between -1 and 1, shown in percent.

    Attributes:
        value: the share, or a difference of two.
        low: lower bound of its 95% interval, where there is one.
        high: upper bound.
        best: the highest of its column among the models.
        marks: signs that the table's notes explain, such as `*`.
        signed: shown with its sign, because it is a difference.
        digits: decimals of the value in percent.
    """

    value: float
    low: float | None = None
    high: float | None = None
    best: bool = False
    marks: str = ""
    signed: bool = False
    digits: int = 1

    @property
    def text(self) -> str:
        """The value in percent, with one decimal unless its source has others."""
        shown = f"{100 * self.value:{'+' if self.signed else ''}.{self.digits}f}"
        return shown.lstrip("+-") if not float(shown) else shown

    @property
    def interval(self) -> str:
        """The interval in whole percent (a decimal of it would pretend to be known), or nothing."""
        if self.low is None or self.high is None:
            return ""
        sign = "+" if self.signed else ""
        low, high = (f"{round(100 * bound):{sign}d}".replace("+0", "0") for bound in (self.low, self.high))
        return f"{low} to {high}" if self.signed else f"{low}–{high}"


Entry = Share | float | int | str | None


def share_of(estimate: Estimate, *, marks: str = "", signed: bool = False) -> Share | None:
    """Return an estimate as an entry; none if there was nothing to estimate it from."""
    if math.isnan(estimate.value):
        return None
    low, high = (None if math.isnan(bound) else bound for bound in (estimate.low, estimate.high))
    return Share(estimate.value, low, high, marks=marks, signed=signed)


def in_words(name: str) -> str:
    """Return the name of a condition or a class in words, fit to be shown."""
    return visible(name.replace("_", " "), one_line=True)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        head: its heading.
        group: what it shares with its neighbours, above the heading, or nothing.
        modality: colours the heading.
        note: a warning below the heading.
        removed: the asked modality was removed, so that a high number is bad.
    """

    head: str
    group: str = ""
    modality: Modality | None = None
    note: str = ""
    removed: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table; texts are fit to be shown (see `visible`), but not escaped."""

    name: str
    entries: Sequence[Entry]
    kind: RowKind = "model"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its files.
        title: what it shows.
        caption: what is counted, and which interval.
        head: heading of the column of names.
        columns: headings.
        rows: one entry for each column.
        notes: explain the marks.
    """

    name: str
    title: str
    caption: str
    head: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The headings above the headings, and how many columns each spans."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and column.group and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans

    def begins_group(self, number: int) -> bool:
        """Whether a column is the first of its group."""
        return (
            number == 0
            or not self.columns[number].group
            or self.columns[number - 1].group != self.columns[number].group
        )

    def to_json(self) -> dict[str, Any]:
        """Return the table with its numbers as they are."""
        return asdict(self)
