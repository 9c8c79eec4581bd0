"""The tables of a report: accuracy of all models, and their Markdown and CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

from mma_bench.evaluation.scores import Cell
from mma_bench.report.facts import Reference
from mma_bench.report.runs import ScoredRun

REMOVED_NOTE = "hallucination: lower is better"


@dataclass(frozen=True)
class Estimate:
    """A share in percent with its 95% interval."""

    value: float
    bounds: tuple[float, float]
    best: bool = False

    @property
    def text(self) -> str:
        """The value with one decimal."""
        return f"{self.value:.1f}"

    @property
    def interval(self) -> str:
        """The interval in whole numbers (a decimal of it would pretend to be known)."""
        return f"{self.bounds[0]:.0f}–{self.bounds[1]:.0f}"


@dataclass(frozen=True)
class Row:
    """One model's accuracies, in the order of the references; none where the run has no answers."""

    run: ScoredRun
    cells: Sequence[Estimate | None]


@dataclass(frozen=True)
class Headline:
    """Accuracy of every model under every condition and modality, under one kind of average."""

    average: str
    rows: Sequence[Row]
    chance: Sequence[float]
    majority: Sequence[float]


def headline(runs: Sequence[ScoredRun], columns: Sequence[Reference], average: str) -> Headline:
    """Make the table of accuracies.

    Args:
        runs: its rows.
        columns: its columns.
        average: ``micro`` (over questions) or ``macro`` (over classes).
    """
    found = [[_estimate(cell_of(run, column), column, average) for column in columns] for run in runs]
    best = [
        _best([cells[i] for run, cells in zip(runs, found, strict=True) if not run.is_baseline], column)
        for i, column in enumerate(columns)
    ]
    rows = [
        Row(run, [_marked(cell, None if run.is_baseline else top) for cell, top in zip(cells, best, strict=True)])
        for run, cells in zip(runs, found, strict=True)
    ]
    return Headline(
        average,
        rows,
        chance=[100 * column.chance for column in columns],
        majority=[100 * (column.majority if average == "micro" else 1 / column.classes) for column in columns],
    )


def cell_of(run: ScoredRun, column: Reference) -> Cell | None:
    """Return the scores of ``run`` under the condition and modality of ``column``, if it has answers there."""
    try:
        return run.scores.cell(column.condition, column.modality)
    except KeyError:
        return None


def _estimate(cell: Cell | None, column: Reference, average: str) -> Estimate | None:
    if cell is None:
        return None
    return _micro(cell) if average == "micro" else _macro(cell)


def _micro(cell: Cell) -> Estimate:
    return Estimate(100 * cell.accuracy, (100 * cell.accuracy_low, 100 * cell.accuracy_high))


def _macro(cell: Cell) -> Estimate:
    return Estimate(100 * cell.macro_accuracy, (100 * cell.macro_low, 100 * cell.macro_high))


def _best(cells: Sequence[Estimate | None], column: Reference) -> float | None:
    """Return the highest accuracy of a column, if there is something to compare and high is good."""
    values = [cell.value for cell in cells if cell is not None]
    return max(values) if len(values) > 1 and column.answerable else None


def _marked(cell: Estimate | None, best: float | None) -> Estimate | None:
    if cell is None or best is None or cell.value < best:
        return cell
    return replace(cell, best=True)


def headline_markdown(table: Headline, columns: Sequence[Reference]) -> str:
    """Return the table as the paper prints it: `visual / audio` for each condition, in percent."""
    places: dict[str, list[int]] = {}
    for i, column in enumerate(columns):
        places.setdefault(column.condition, []).append(i)

    def line(name: str, values: Sequence[str]) -> str:
        joined = [" / ".join(values[i] for i in group) for group in places.values()]
        return f"| {markdown_text(name)} | {' | '.join(joined)} |"

    titles = [
        f"{markdown_text(name.replace('_', ' '))} ({' / '.join(columns[i].modality for i in group)})"
        for name, group in places.items()
    ]
    lines = [f"| model | {' | '.join(titles)} |", f"|---|{'---:|' * len(places)}"]
    lines += [
        line(row.run.label, [_markdown_value(*pair) for pair in zip(row.cells, columns, strict=True)])
        for row in table.rows
    ]
    lines.append(line("chance", [f"{value:.1f}" for value in table.chance]))
    lines.append(line("majority class", [f"{value:.1f}" for value in table.majority]))
    if not all(column.answerable for column in columns):
        lines += ["", f"† The asked modality was removed; {REMOVED_NOTE}."]
    return "\n".join(lines) + "\n"


def _markdown_value(cell: Estimate | None, column: Reference) -> str:
    if cell is None:
        return "–"
    text = f"**{cell.text}**" if cell.best else cell.text
    return text if column.answerable else f"{text}†"


@dataclass(frozen=True)
class DetailRow:
    """All scores of one model under one condition and modality."""

    cell: Cell
    micro: Estimate
    macro: Estimate

    @property
    def rates(self) -> tuple[float, float, float, float]:
        """Percent of the answers that were distracted, abstained, several, unparsed."""
        cell = self.cell
        shares = (cell.distraction_rate, cell.abstention_rate, cell.several_rate, cell.unparsed_rate)
        return (100 * shares[0], 100 * shares[1], 100 * shares[2], 100 * shares[3])


def detail(run: ScoredRun, columns: Sequence[Reference]) -> list[DetailRow]:
    """Return all scores of one model."""
    cells = [(cell_of(run, column), column) for column in columns]
    return [DetailRow(cell, _micro(cell), _macro(cell)) for cell, column in cells if cell is not None]


def detail_markdown(rows: Sequence[DetailRow]) -> str:
    """Return all scores of one model as a Markdown table, in percent."""
    lines = [
        "| condition | asked | n | accuracy [95%] | macro [95%] | distracted | abstained | several | unparsed |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cell = row.cell
        estimates = [f"{e.text} [{e.interval}]" for e in (row.micro, row.macro)]
        values = [
            markdown_text(cell.condition.replace("_", " ")),
            f"{cell.modality}{'' if cell.answerable else '†'}",
            str(cell.questions),
            *estimates,
            *(f"{rate:.1f}" for rate in row.rates),
        ]
        lines.append(f"| {' | '.join(values)} |")
    return "\n".join(lines) + "\n"


def scores_csv(runs: Sequence[ScoredRun]) -> str:
    """Return all scores, one line for each model, condition and modality; shares from 0 to 1."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["model", "run", *(field.name for field in fields(Cell))])
    for run in runs:
        for cell in run.scores.cells:
            values = asdict(cell).values()
            writer.writerow([run.label, run.folder, *(round(v, 6) if isinstance(v, float) else v for v in values)])
    return target.getvalue()


def markdown_text(text: str) -> str:
    """Return ``text`` so that it cannot break a Markdown table nor be read as HTML."""
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("`", "&#96;")):
        text = text.replace(character, entity)
    return text
