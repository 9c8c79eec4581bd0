"""A score as one file: what it computes, how its table looks, and its figure.

The scores, the page, LaTeX, Markdown, CSV, JSON and DataFrames follow from it. A package names its own in an entry
point of the group `mma_bench.analyses`; see docs/extending.md.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from mma_bench.drawing.panels import Plot
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.analyses.names import check_name
from mma_bench.evaluation.analyses.plain import plain
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Average
from mma_bench.registry import Registry, left_out

R = TypeVar("R")

Compute = Callable[..., Sequence[Any]]
"""Returns rows, which are dataclasses. Its first parameter gets the `VerdictTable` of a run, a parameter `variants` the
wordings that headline numbers average over, and a parameter `average` the average that the protocol names."""

Notes = Callable[[Sequence[Any]], Sequence[str]]
"""Returns the notes below a table from all its lines."""


@dataclass(frozen=True)
class Series(Generic[R]):
    """The rows of one run, as figures get them.

    Attributes:
        label: name of the run's model.
        is_baseline: whether the model is a rule that reads labels.
        average: the average that the protocol names.
        rows: what the analysis computed of the run.
    """

    label: str
    is_baseline: bool
    average: Average
    rows: Sequence[R]


Figure = Callable[[Sequence[Series[Any]]], Plot | None]
"""Draws the rows of all runs that a report shows; None where there is nothing to draw."""


@dataclass(frozen=True)
class Column:
    """A column of the table of an analysis.

    Attributes:
        title: its heading.
        help: what it says; the notes below the table list it. Empty if the caption does.
        signed: whether it is a difference, shown with its sign.
        marks: signs after the number of a line, such as `*`; the notes explain them.
        text: how a value is printed; by default an `Estimate` or a share in percent, an integer as it is.
    """

    title: str
    help: str = ""
    signed: bool = False
    marks: Callable[[Any], str] | None = None
    text: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class Analyser:
    """An analysis of a run.

    Attributes:
        name: its name in `scores.json`.
        title: of its table.
        columns: the values to show, by the field of a row. Without columns there is no table.
        caption: what is counted, and which interval.
        compute: computes the rows.
        table: name of the table's files.
        head: what the name of a row says, next to the model.
        row: names a line of the table; by default the fields that are no column.
        lines: makes the lines of the table from the rows of each run: several per row, or corrected for the number
            of all. By default the rows.
        notes: further notes below the table.
        figures: draw the rows.
        graded: whether it gets the answers to graded conditions too, which are otherwise left out: different doses
            are no repetitions of each other.
    """

    name: str
    title: str
    columns: Mapping[str, Column]
    caption: str
    compute: Compute
    table: str
    head: str = ""
    row: Callable[[Any], str] | None = None
    lines: Callable[[Sequence[Sequence[Any]]], Sequence[Sequence[Any]]] | None = None
    notes: Sequence[str] | Notes = ()
    figures: Sequence[Figure] = ()
    graded: bool = False

    def rows(self, table: VerdictTable, variants: Sequence[str], average: Average) -> list[Any]:
        """Return what the analysis computes.

        Raises:
            MMABenchError: it is not a list of dataclasses with a field for each column, or JSON cannot hold it.
        """
        taken = inspect.signature(self.compute).parameters
        further = {"variants": variants, "average": average}
        rows = list(self.compute(table, **{name: value for name, value in further.items() if name in taken}))
        for row in rows:
            if not is_dataclass(row) or isinstance(row, type):
                raise MMABenchError(f"it returned {type(row).__name__}; return a list of dataclasses")
            if self.lines is None and (missing := [name for name in self.columns if not hasattr(row, name)]):
                raise MMABenchError(f"its rows have no field {missing[0]!r}, which columns names")
        return [plain(row) for row in rows]


ANALYSES: Registry[Analyser] = Registry("analysis", "analyses")

_RESERVED = ("variants", "cells", "measures")
"""What `scores.json` and `Scores.to_frame` call something else."""


def analysis(
    *,
    title: str,
    columns: Mapping[str, Column | str] | None = None,
    caption: str = "",
    name: str = "",
    table: str = "",
    head: str = "",
    row: Callable[[Any], str] | None = None,
    lines: Callable[[Sequence[Sequence[Any]]], Sequence[Sequence[Any]]] | None = None,
    notes: Sequence[str] | Notes = (),
    figure: Figure | Sequence[Figure] = (),
    graded: bool = False,
) -> Callable[[Compute], Compute]:
    """Register a function as an analysis, by default under its own name; see `Analyser` and `Compute`.

    Raises:
        MMABenchError: ``name`` or ``table`` cannot name a file, or something else has that name.
    """

    def register(function: Compute) -> Compute:
        named = name or function.__name__
        check_name(f"the analysis {function.__name__}", named, _RESERVED)
        others = [known.value.table for known in ANALYSES.registered() if known.name != named]
        check_name(f"the table of the analysis {named}", table or named, others)
        made = Analyser(
            name=named,
            title=title,
            columns={key: Column(value) if isinstance(value, str) else value for key, value in (columns or {}).items()},
            caption=caption,
            compute=function,
            table=table or named,
            head=head,
            row=row,
            lines=lines,
            notes=notes if callable(notes) else tuple(notes),
            figures=(figure,) if callable(figure) else tuple(figure),
            graded=graded,
        )
        ANALYSES.add(named, made, function, title)
        return function

    return register


def compute_all(table: VerdictTable, variants: Sequence[str], average: Average) -> dict[str, list[Any]]:
    """Return the rows of every analysis by its name; one of a user's that fails is left out."""
    ungraded = table.take(~np.isfinite(table.level))
    found = {}
    for entry in ANALYSES.entries():
        with left_out(entry, "analysis"):
            found[entry.name] = entry.value.rows(table if entry.value.graded else ungraded, variants, average)
    return found
