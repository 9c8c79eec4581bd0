"""The table of abstentions: declining rightly where a modality was removed, wrongly where it is there."""

from collections.abc import Sequence

from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.table import Column, Row, Table, in_words, share_of

_COLUMNS = (
    "removed (n)",
    "there (n)",
    "precision",
    "recall",
    "false alarms",
    "names a class",
    "names the clip's class",
)


def abstention_table(runs: Sequence[ScoredRun]) -> Table | None:
    """Return the abstentions of all runs, or none if no modality was removed."""
    rows = []
    for run in runs:
        for entry in run.analysis.abstentions:
            parts = (entry.precision, entry.recall, entry.false_alarms, entry.hallucination, entry.hallucinated_class)
            # The headline may average over many wordings; only the offered option is worth a name.
            offered = ", option offered" if entry.variants == ("none_present",) else ""
            rows.append(
                Row(
                    f"{run.label}: {in_words(str(entry.modality))}{offered}",
                    [entry.removed, entry.answerable, *(share_of(part) for part in parts)],
                    run.kind,
                )
            )
    if not rows:
        return None
    return Table(
        name="abstention",
        title="Abstention and hallucination",
        caption="precision: of the abstentions, the percent on removed modalities; recall: of the questions on removed "
        "modalities, the percent of abstentions; false alarms: of the answerable questions, the percent of "
        "abstentions; the "
        "last two: of the questions on removed modalities. 95% Wilson intervals (effective sample size over clips).",
        head="model: asked",
        columns=[Column(name) for name in _COLUMNS],
        rows=rows,
    )
