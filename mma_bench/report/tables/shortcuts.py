"""The table of shortcuts: right answers about what a model was not given."""

from collections.abc import Sequence

from mma_bench.evaluation.shortcuts import shortcuts_of
from mma_bench.report.runs import ScoredRun
from mma_bench.report.table import Column, Row, Share, Table, in_words, share_of

CAPTION = (
    "Percent of the questions that a model answers rightly about a modality that it was not given, with 95% Wilson "
    "intervals over clips; chance is a guess among the options. What is above it follows from the other modality, the "
    "text, or how often a class is right."
)
NOTE = "* The interval is above chance: these questions can be answered without what they ask about."


def shortcuts_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return what the models that were not given everything answered rightly; none if all were given everything."""
    rows = []
    for run in runs:
        for one in shortcuts_of(run.scores, run.run.withheld or ()):
            right = share_of(one.right, marks="*" if one.above_chance else "")
            rows.append(Row(f"{run.label}: {in_words(one.task)}", [one.questions, right, Share(one.chance)], run.kind))
    if not rows:
        return None
    return Table(
        name="shortcuts",
        title="Shortcuts in the data",
        caption=CAPTION,
        head="model: task",
        columns=[Column("questions"), Column("right, %"), Column("chance, %")],
        rows=rows,
        notes=[NOTE],
    )
