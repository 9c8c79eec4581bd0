"""All scores of one model."""

from collections.abc import Sequence

from mma_bench.files.text import visible
from mma_bench.report.facts import Reference
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Row, Share, Table
from mma_bench.report.tables.headline import REMOVED_NOTE, cell_of

COLUMNS = (
    Column("n"),
    Column("accuracy (micro)"),
    Column("accuracy (macro)"),
    Column("distracted"),
    Column("abstained"),
    Column("several"),
    Column("unparsed"),
)


def detail(run: ScoredRun, columns: Sequence[Reference], number: int) -> Table:
    """Return the table of all scores of one model; ``number`` makes its name unique."""
    rows = []
    for column in columns:
        cell = cell_of(run, column)
        if cell is None:
            continue
        marks = "" if cell.answerable else "†"
        name = f"{cell.condition.replace('_', ' ')}, {cell.modality}"
        rates = (cell.distraction_rate, cell.abstention_rate, cell.several_rate, cell.unparsed_rate)
        rows.append(
            Row(
                visible(name, one_line=True),
                [
                    cell.questions,
                    Share(cell.accuracy, cell.accuracy_low, cell.accuracy_high, marks=marks),
                    Share(cell.macro_accuracy, cell.macro_low, cell.macro_high, marks=marks),
                    *(Share(rate) for rate in rates),
                ],
            )
        )
    return Table(
        name=f"scores_{number}",
        title=f"All scores of {run.label}",
        caption="Percent of all n questions; 95% intervals (micro: Wilson; macro: Jeffreys' prior for each class).",
        head="condition, asked",
        columns=COLUMNS,
        rows=rows,
        notes=[]
        if all(column.answerable for column in columns)
        else [f"† The asked modality was removed; {REMOVED_NOTE}."],
    )
