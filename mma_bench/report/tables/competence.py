"""The table beside the main plot: every conflict's loss, split into competence and interference."""

from collections.abc import Sequence

from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Row, Table, in_words, share_of

_COLUMNS = ("pairs (n)", "ceiling", "accuracy", "lacking", "interference", "taken", "given", "misled")


def competence_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return the splits of all runs, or none if no run answered what they take."""
    rows = [
        Row(
            f"{run.label}: {in_words(split.condition)}, {split.modality}",
            [
                split.pairs,
                share_of(split.ceiling),
                share_of(split.accuracy),
                share_of(split.lacking),
                share_of(split.interference, signed=True),
                share_of(split.taken),
                share_of(split.given),
                share_of(split.misled),
            ],
            run.kind,
        )
        for run in runs
        for split in run.analysis.competence
    ]
    if not rows:
        return None
    return Table(
        name="competence",
        title="Losses split into missing competence and interference",
        caption="Percent of the pairs, paired by clip with the same question asked with one sense; 95% intervals "
        "(shares: "
        "Wilson, effective sample size over clips; interference: Bonett and Price). "
        "100 - accuracy = lacking + interference, and interference = taken - given.",
        head="model: condition, asked",
        columns=[Column(name) for name in _COLUMNS],
        rows=rows,
        notes=[
            "ceiling: accuracy with the other sense removed; lacking: 100 - ceiling; taken: right with one sense, "
            "wrong "
            "under the condition; given: the reverse; misled: right with one sense, names the distractor under the "
            "condition."
        ],
    )
