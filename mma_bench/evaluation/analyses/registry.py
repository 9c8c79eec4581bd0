"""A score as one decorated function: what it computes, and how its table looks.

The scores, the page, LaTeX, Markdown, CSV, JSON and DataFrames follow from it. A package names its own in an entry
point of the group `mma_bench.analyses`; see docs/extending.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from typing import Any

from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.registry import BUILT_IN, Registry, one_line

Compute = Callable[[VerdictTable, Sequence[str]], Sequence[Any]]
"""Returns rows, which are dataclasses, of the verdicts and the wordings that headline numbers average over."""


@dataclass(frozen=True)
class Column:
    """A column of the table of an analysis.

    Attributes:
        title: its heading.
        help: what it says; the notes below the table list it. Empty if the caption does.
        signed: whether it is a difference, shown with its sign.
    """

    title: str
    help: str = ""
    signed: bool = False


@dataclass(frozen=True)
class Analyser:
    """An analysis of a run.

    Attributes:
        name: its name in `scores.json`.
        title: of its table.
        columns: the numbers to show, by the field of a row: an `Estimate` or a share is shown in percent, an integer
            as it is.
        caption: what is counted, and which interval.
        compute: computes the rows.
        table: name of the table's files.
        head: what the name of a row says, next to the model.
        row: names a row; by default the fields that are no column.
        notes: further notes below the table.
    """

    name: str
    title: str
    columns: Mapping[str, Column]
    caption: str
    compute: Compute | None
    table: str
    head: str = ""
    row: Callable[[Any], str] | None = None
    notes: Sequence[str] = field(default_factory=tuple)


ANALYSES: Registry[Analyser] = Registry("analysis", "analyses")


def analysis(
    *,
    title: str,
    columns: Mapping[str, Column | str],
    caption: str,
    name: str = "",
    table: str = "",
    head: str = "",
    row: Callable[[Any], str] | None = None,
    notes: Sequence[str] = (),
) -> Callable[[Compute], Compute]:
    """Register a function as an analysis, by default of its own name; see `Analyser`."""

    def register(function: Compute) -> Compute:
        named = name or function.__name__
        shown = {key: Column(value) if isinstance(value, str) else value for key, value in columns.items()}
        made = Analyser(named, title, shown, caption, function, table or named, head, row, tuple(notes))
        ANALYSES.add(named, made, function, title)
        return function

    return register


def own_analyses() -> list[Analyser]:
    """Return the analyses of users."""
    return [entry.value for entry in ANALYSES.entries() if entry.origin != BUILT_IN]


def compute_own(table: VerdictTable, variants: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return the rows of all analyses of users by name. One that fails is left out, with a line on standard error."""
    found: dict[str, Sequence[Any]] = {}
    for entry in ANALYSES.entries():
        if entry.origin == BUILT_IN or entry.value.compute is None:
            continue
        try:
            found[entry.name] = _checked(entry.value, entry.value.compute(table, variants))
        except Exception as error:
            say(f"note: the analysis {entry.name!r} of {entry.origin} failed and is left out: {one_line(error)}")
    return found


def _checked(analyser: Analyser, rows: Sequence[Any]) -> list[Any]:
    rows = list(rows)
    for row in rows:
        if not is_dataclass(row) or isinstance(row, type):
            raise MMABenchError(f"it returned {type(row).__name__}; return a list of dataclasses")
        if missing := [name for name in analyser.columns if not hasattr(row, name)]:
            raise MMABenchError(f"its rows have no field {missing[0]!r}, which columns names")
    return rows
