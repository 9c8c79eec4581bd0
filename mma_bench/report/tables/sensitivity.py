"""The table of sensitivity: the same questions in several wordings."""

from collections.abc import Sequence

from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Row, Share, Table, in_words, share_of

_COLUMNS = ("n", "accuracy", "distracted", "abstained", "spread", "decisions not stable")


def sensitivity_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return the sensitivity of all runs, or none if nothing was asked in several wordings."""
    rows = []
    for run in runs:
        for entry in run.analysis.sensitivity:
            for place, score in enumerate(entry.scores):
                first = place == 0
                rows.append(
                    Row(
                        f"{run.label}: {entry.kind}, {in_words(entry.condition)}, {entry.modality}, "
                        f"{in_words(score.variant)}",
                        [
                            score.answers,
                            share_of(score.accuracy),
                            share_of(score.distraction),
                            share_of(score.abstention),
                            Share(entry.spread) if first else "",
                            share_of(entry.unstable) if first else "",
                        ],
                        run.kind,
                    )
                )
    if not rows:
        return None
    return Table(
        name="sensitivity",
        title="Sensitivity to wording",
        caption="Percent of the answers to each wording; spread: highest minus lowest accuracy, in percentage "
        "points; not "
        "stable: questions whose decision is not the same in all wordings. 95% Wilson intervals (effective sample size "
        "over clips).",
        head="model: what varies",
        columns=[Column(name) for name in _COLUMNS],
        rows=rows,
    )
