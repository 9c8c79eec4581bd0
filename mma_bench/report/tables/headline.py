"""The table of accuracies: every model under every condition and modality."""

from collections.abc import Sequence
from dataclasses import replace

from mma_bench.evaluation.analyses import Baseline, DoseResponse
from mma_bench.evaluation.analyses.changes import Change, corrected_together
from mma_bench.evaluation.scores import Cell
from mma_bench.evaluation.statistics import AVERAGE_WORDS, Average
from mma_bench.files.text import visible
from mma_bench.report.average import headline_of
from mma_bench.report.facts import Reference
from mma_bench.report.runs import ScoredRun, competes
from mma_bench.report.table import Column, Row, Share, Table, in_words, share_of
from mma_bench.schema import CONDITIONS

REMOVED_NOTE = "hallucination: lower is better"
_PREFIX = "baseline:"


def headline(runs: Sequence[ScoredRun], columns: Sequence[Reference], average: Average) -> Table:
    """Make the table of accuracies.

    Args:
        runs: its rows.
        columns: its columns.
        average: over questions (micro) or over classes (macro).
    """
    found = [[headline_share(cell_of(run, column), average) for column in columns] for run in runs]
    best = [
        _best([shares[i] for run, shares in zip(runs, found, strict=True) if competes(run)], column)
        for i, column in enumerate(columns)
    ]
    corrected = corrected_together([run.analysis.of(Change) for run in runs])
    significant = [{(c.condition, c.modality) for c in changes if c.significant} for changes in corrected]
    rows = [
        Row(
            run.label,
            [
                _marked(share, run, column, top, (column.condition, column.modality) in changed)
                for share, column, top in zip(shares, columns, best, strict=True)
            ],
            run.kind,
        )
        for run, shares, changed in zip(runs, found, significant, strict=True)
    ]
    rows += _baselines(runs, columns, average)
    rows.append(Row("questions (n)", [column.questions for column in columns], "reference"))
    notes = []
    if any(significant):
        notes.append(
            "* Differs from aligned: McNemar's test of the answers, paired by clip, p below 0.05 after "
            f"Holm's correction over all {sum(map(len, corrected))} comparisons of the runs in this table."
        )
    if not all(column.answerable for column in columns):
        notes.append(f"† The asked modality was removed; {REMOVED_NOTE}.")
    if graded := graded_note(runs):
        notes.append(graded)
    return Table(
        name=f"accuracy_{average}",
        title=f"Accuracy, {AVERAGE_WORDS[average]}",
        caption=f"Percent of all questions whose answer names the asked modality's class, {AVERAGE_WORDS[average]}; "
        f"95% Wilson interval at the effective number of clips.",
        head="model",
        columns=[heading(column) for column in columns],
        rows=rows,
        notes=notes,
    )


def heading(column: Reference) -> Column:
    """Return the heading of a condition and modality."""
    return Column(
        head=column.modality.value,
        group=visible(column.condition.replace("_", " "), one_line=True),
        modality=column.modality,
        note="" if column.answerable else REMOVED_NOTE,
        removed=not column.answerable,
    )


def cell_of(run: ScoredRun, column: Reference) -> Cell | None:
    """Return the scores of ``run`` under the condition and modality of ``column``, if it has answers there."""
    try:
        return run.scores.cell(column.condition, column.modality)
    except KeyError:
        return None


def headline_share(cell: Cell | None, average: Average, *, marks: str = "") -> Share | None:
    """Return the headline number of a cell as an entry, or none without a cell."""
    return None if cell is None else share_of(headline_of(cell, average), marks=marks)


def graded_note(runs: Sequence[ScoredRun]) -> str:
    """Return a sentence that names the graded conditions and their doses, or nothing if none was asked."""
    doses: dict[str, set[float]] = {}
    for response in (response for run in runs for response in run.analysis.of(DoseResponse)):
        doses.setdefault(response.condition, set()).update(point.level for point in response.points)
    if not doses:
        return ""
    named = [
        f"{in_words(name)} ({', '.join(f'{level:g}' for level in sorted(levels))}"
        f"{f' {CONDITIONS[name].unit}' if name in CONDITIONS and CONDITIONS[name].unit else ''})"
        for name, levels in doses.items()
    ]
    return (
        f"Graded conditions have no column, because an average over doses means nothing: {'; '.join(named)}. "
        "The figure of doses shows them."
    )


def _best(shares: Sequence[Share | None], column: Reference) -> float | None:
    """Return the highest accuracy of a column, if there is something to compare and high is good."""
    values = [share.value for share in shares if share is not None]
    return max(values) if len(values) > 1 and column.answerable else None


def _baselines(runs: Sequence[ScoredRun], columns: Sequence[Reference], average: Average) -> list[Row]:
    """Return what the labels alone give; every run of the same questions has the same."""
    models = (run.run.model for run in runs)
    # A run of the same rule says the same.
    asked = {name.removeprefix(_PREFIX) for name in models if name.startswith(_PREFIX)}
    known = {
        (b.name, b.condition, b.modality): b for run in runs for b in run.analysis.of(Baseline) if b.name not in asked
    }
    rows = []
    for name in dict.fromkeys(name for name, _, _ in known):
        found = [known.get((name, column.condition, column.modality)) for column in columns]
        shares = [None if b is None else Share(b.accuracy if average == "micro" else b.macro_accuracy) for b in found]
        rows.append(Row(f"rule: {name}", shares, "reference"))
    return rows


def _marked(share: Share | None, run: ScoredRun, column: Reference, best: float | None, changed: bool) -> Share | None:
    if share is None:
        return None
    marks = ("*" if changed else "") + ("" if column.answerable else "†")
    return replace(share, marks=marks, best=competes(run) and share.value == best)
