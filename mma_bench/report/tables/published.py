"""Accuracies from papers next to those of the runs, marked as not re-run."""

from collections.abc import Sequence

from mma_bench.evaluation.published import PublishedResult, official_set, published_results
from mma_bench.report.facts import DataFacts, Reference
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Row, Share, Table, in_words
from mma_bench.report.tables.headline import cell_of, heading


def published_table(runs: Sequence[ScoredRun], columns: Sequence[Reference], facts: DataFacts) -> Table | None:
    """Return the models of ``runs`` above what papers report, or none if no condition is in both."""
    results = [result for result in published_results() if result.measure == "accuracy"]
    known = {(result.condition, result.modality) for result in results}
    shown = [column for column in columns if (column.condition, column.modality) in known]
    models = [run for run in runs if not run.is_baseline]
    if not shown or not models:
        return None
    rows = [Row(run.label, [_own(run, column) for column in shown]) for run in models]
    rows += [
        Row(f"{model} (published)", [_reported(results, model, column) for column in shown], "published")
        for model in dict.fromkeys(result.model for result in results)
    ]
    urls = ", ".join(dict.fromkeys(result.url for result in results))
    return Table(
        name="published",
        title="Published results, not re-run",
        caption="Accuracy in percent, mean over questions. Rows marked “published” are as reported by others "
        f"({urls}), without intervals and with as many decimals as in the source; the rows above them are this "
        f"report's, with 95% Wilson intervals. {_comparable(facts)}",
        head="model",
        columns=[heading(column) for column in shown],
        rows=rows,
        notes=["Published, not re-run.", *_marks(results, shown), *_sources(results, shown), *_caveats(results)],
    )


def _own(run: ScoredRun, column: Reference) -> Share | None:
    cell = cell_of(run, column)
    if cell is None:
        return None
    return Share(cell.accuracy, cell.accuracy_low, cell.accuracy_high, marks="" if column.answerable else "†")


def _reported(results: Sequence[PublishedResult], model: str, column: Reference) -> Share | None:
    marks = "" if column.answerable else "†"
    for result in results:
        if (result.model, result.condition, result.modality) == (model, column.condition, column.modality):
            marks += ("‡" if result.provenance == "figure" else "") + ("§" if result.also else "")
            return Share(result.percent / 100, marks=marks, digits=result.digits)
    return None


def _comparable(facts: DataFacts) -> str:
    differences = official_set().differences(facts.clip_ids, facts.classes)
    if not differences:
        return "Both are about the same clips and options."
    return f"This report has {' and '.join(differences)}: a difference need not be the model's."


def _marks(results: Sequence[PublishedResult], shown: Sequence[Reference]) -> list[str]:
    """Return what the marks of this table mean."""
    keys = {(column.condition, column.modality) for column in shown}
    present = [result for result in results if (result.condition, result.modality) in keys]
    notes = []
    if any(result.provenance == "figure" for result in present):
        notes.append("‡ Read off a figure; the others are from a table.")
    notes += [
        f"§ {result.model}, {in_words(result.condition)}, {result.modality}: {result.text} here, {result.also}."
        for result in present
        if result.also
    ]
    return notes


def _sources(results: Sequence[PublishedResult], shown: Sequence[Reference]) -> list[str]:
    """Return how the numbers of each source were read, with the conditions that it covers."""
    present = {column.condition for column in shown}
    covered: dict[tuple[str, str], dict[str, None]] = {}
    for result in results:
        if result.condition in present:
            covered.setdefault((result.source, result.how), {})[in_words(result.condition)] = None
    return [f"{', '.join(conditions)}: {source}; {how}." for (source, how), conditions in covered.items()]


def _caveats(results: Sequence[PublishedResult]) -> list[str]:
    """Return each caveat once, with the model where it is about a single one."""
    models: dict[str, set[str]] = {}
    for result in results:
        for caveat in result.caveats:
            models.setdefault(caveat, set()).add(result.model)
    return [f"{min(names)}: {caveat}" if len(names) == 1 else caveat for caveat, names in models.items()]
