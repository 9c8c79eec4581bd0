"""The table of changes: every condition against aligned media, with a corrected test and its power."""

from collections.abc import Sequence

from mma_bench.evaluation.analyses.changes import corrected_together
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Row, Share, Table, in_words, share_of

_COLUMNS = ("pairs (n)", "lost", "gained", "change", "p (Holm)", "decisions changed", "smallest to be found")


def changes_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return the changes of all runs, or none if no run answered aligned media and another condition."""
    rows = []
    for run, corrected in zip(runs, corrected_together([run.analysis.changes for run in runs]), strict=True):
        smallest = {(power.condition, str(power.modality)): power.smallest for power in run.analysis.power}
        for change in corrected:
            found = smallest.get((change.condition, str(change.modality)))
            rows.append(
                Row(
                    f"{run.label}: {in_words(change.condition)}, {change.modality}",
                    [
                        change.pairs,
                        change.lost,
                        change.gained,
                        share_of(change.accuracy_change, marks="*" if change.significant else "", signed=True),
                        p_text(change.p_adjusted),
                        share_of(change.causal_effect),
                        None if found is None else Share(found),
                    ],
                    run.kind,
                )
            )
    if not rows:
        return None
    return Table(
        name="changes",
        title="Changes against aligned media",
        caption="Paired by clip. change: accuracy under the condition minus that of the aligned partners, in "
        "percentage "
        "points; decisions changed: the causal effect, percent of pairs; 95% intervals (Bonett and Price; Wilson).",
        head="model: condition, asked",
        columns=[Column(name) for name in _COLUMNS],
        rows=rows,
        notes=[
            f"* McNemar's test, p below 0.05 after Holm's correction over all {len(rows)} comparisons of this table.",
            "lost: right when aligned, wrong under the condition; gained: the reverse; smallest to be found: "
            "smallest true difference, in percentage points, that one test at 5% finds with a chance of 80%, before "
            "Holm's correction: after it, only larger ones are found so often.",
        ],
    )


def p_text(value: float) -> str:
    """Return a p-value as it is printed."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"
