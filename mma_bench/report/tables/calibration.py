"""The table of calibration."""

from collections.abc import Sequence

from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.table import Column, Row, Share, Table, in_words, share_of


def calibration_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return the calibration of all runs, or none if no model gave option scores."""
    rows = [
        Row(
            f"{run.label}: {in_words(entry.condition)}, {entry.modality}",
            [entry.answers, Share(entry.accuracy), Share(entry.confidence), share_of(entry.ece), Share(entry.aurc)],
            run.kind,
        )
        for run in runs
        for entry in run.analysis.calibration
    ]
    if not rows:
        return None
    return Table(
        name="calibration",
        title="Calibration",
        caption="Of the likeliest option, in percent: accuracy, mean confidence, expected calibration error (ten "
        "bins, 95% "
        "interval by bootstrap over clips), and the area under the curve of errors over coverage.",
        head="model: condition, asked",
        columns=[Column(name) for name in ("n", "accuracy", "confidence", "ECE", "area")],
        rows=rows,
    )
