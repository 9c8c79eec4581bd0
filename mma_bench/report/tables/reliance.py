"""The table of reliance: what answers follow under each conflict."""

from collections.abc import Sequence

from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.table import Column, Row, Table, in_words, share_of


def reliance_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return the reliance of all runs, or none if no run answered about a conflict."""
    rows = [
        Row(
            f"{run.label}: {in_words(entry.condition)}, {entry.modality or 'both questions'}",
            [entry.answers, *(share_of(part) for part in (entry.sight, entry.sound, entry.text, entry.neither))],
            run.kind,
        )
        for run in runs
        for entry in run.analysis.reliance
    ]
    if not rows:
        return None
    return Table(
        name="reliance",
        title="What answers follow under conflict",
        caption="Percent of the answers that name the class which each modality suggests, in equal parts where several "
        "suggest it; 95% intervals (Wilson, clustered by clip and stimulus). “all” gives each conflict "
        "condition the same weight.",
        head="model: condition, asked",
        columns=[Column(name) for name in ("n", "sight", "sound", "text", "none of them")],
        rows=rows,
    )
