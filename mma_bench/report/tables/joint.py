"""The table of joint accuracy: both questions about a stimulus right."""

from collections.abc import Sequence

from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.table import Column, Row, Table, in_words, share_of


def joint_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return the joint accuracies of all runs, or none."""
    rows = [
        Row(
            f"{run.label}: {in_words(entry.condition)}",
            [
                entry.stimuli,
                *(share_of(part) for part in (entry.both, entry.only_visual, entry.only_audio, entry.neither)),
            ],
            run.kind,
        )
        for run in runs
        for entry in run.analysis.joint
    ]
    if not rows:
        return None
    return Table(
        name="joint",
        title="Both questions about a stimulus",
        caption="Percent of the stimuli whose visual and audio question are both answered rightly; a model that always "
        "follows one sense gets none under misaligned. 95% Wilson intervals (effective sample size over clips).",
        head="model: condition",
        columns=[Column(name) for name in ("pairs (n)", "both", "only visual", "only audio", "neither")],
        rows=rows,
    )
