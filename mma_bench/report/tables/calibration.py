"""The table of calibration."""

from collections.abc import Sequence

from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Row, Share, Table, in_words


def calibration_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return the calibration of all runs, or none if no model gave option scores."""
    rows = [
        Row(
            f"{run.label}: {in_words(entry.condition)}, {entry.modality}",
            [
                entry.answers,
                Share(entry.accuracy),
                Share(entry.confidence),
                Share(entry.ece, marks="*" if entry.ece > entry.ece_limit else ""),
                Share(entry.ece_by_chance),
                Share(entry.ece_limit),
                Share(entry.aurc),
            ],
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
        caption="Of the likeliest option, in percent: accuracy, mean confidence, expected calibration error (ECE, ten "
        "bins), and the area under the curve of errors over coverage. The ECE is above zero by chance alone: next to "
        "it is what a perfectly calibrated model with the same confidences shows on average, and what it exceeds in "
        "5% of draws.",
        head="model: condition, asked",
        columns=[Column(name) for name in ("n", "accuracy", "confidence", "ECE", "ECE by chance", "limit", "area")],
        rows=rows,
        notes=["* Above the limit: the confidence is miscalibrated."],
    )
