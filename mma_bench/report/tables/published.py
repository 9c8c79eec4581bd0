"""Accuracies from papers beside those of the runs, marked as not re-run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mma_bench.report.facts import DataFacts, Reference
from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.headline import cell_of, heading
from mma_bench.report.tables.table import Row, Share, Table
from mma_bench.schema import Modality

_FILE = Path(__file__).parents[1] / "published.yaml"
_PLACE = {Modality.VISUAL: 0, Modality.AUDIO: 1}


def published_table(runs: Sequence[ScoredRun], columns: Sequence[Reference], facts: DataFacts) -> Table | None:
    """Return the models of ``runs`` above what the paper reports, or none if no condition is in both."""
    known: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    results = known["results"]
    shown = [column for column in columns if any(column.condition in result for result in results)]
    models = [run for run in runs if not run.is_baseline]
    if not shown or not models:
        return None
    rows = [Row(run.label, [_own(run, column) for column in shown]) for run in models]
    rows += [
        Row(f"{result['model']} (published)", [_reported(result, column) for column in shown], "published")
        for result in results
    ]
    here = f"{facts.clips:,} clips and {len(facts.classes):,} options"
    return Table(
        name="published",
        title="Published results, not re-run",
        caption=f"Accuracy in percent, mean over questions. Rows marked “published” are figures from {known['source']} "
        f"({known['url']}), on {known['clips']} clips with {known['options']} options, without intervals; the rows "
        "above "
        f"them are this report's, on {here}, with 95% Wilson intervals.",
        head="model",
        columns=[heading(column) for column in shown],
        rows=rows,
        notes=["Published, not re-run.", *known["caveats"]],
    )


def _own(run: ScoredRun, column: Reference) -> Share | None:
    cell = cell_of(run, column)
    return cell and Share(cell.accuracy, cell.accuracy_low, cell.accuracy_high, marks="" if column.answerable else "†")


def _reported(result: dict[str, Any], column: Reference) -> Share | None:
    values = result.get(column.condition)
    marks = "" if column.answerable else "†"
    return None if values is None else Share(values[_PLACE[column.modality]] / 100, marks=marks)
