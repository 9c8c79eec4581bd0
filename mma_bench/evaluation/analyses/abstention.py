"""Declining to choose: rightly where the asked modality was removed, wrongly where it is there."""

from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.evaluation.analyses.registry import analysis
from mma_bench.evaluation.analyses.table import SEVERAL, VerdictTable
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.schema import Modality


@dataclass(frozen=True)
class Abstention:
    """Abstentions of one modality's questions, over all conditions.

    Attributes:
        modality: what was asked about.
        variants: wordings that count: the standard ones offer no option to abstain, ``none_present`` does.
        removed: questions whose asked modality was removed.
        answerable: the other questions.
        precision: of the abstentions, the share on removed modalities; NaN if the model never abstains.
        recall: of the questions on removed modalities, the share of abstentions.
        false_alarms: of the answerable questions, the share of abstentions.
        hallucination: of the questions on removed modalities, the share that names a class, or several of them.
        several: of the same, the share that names several classes and settles on none; part of ``hallucination``.
        hallucinated_class: of the same, the share that names the very class of the clip (read off the other
            modality).
    """

    modality: Modality
    variants: tuple[str, ...]
    removed: int
    answerable: int
    precision: Estimate
    recall: Estimate
    false_alarms: Estimate
    hallucination: Estimate
    several: Estimate
    hallucinated_class: Estimate


def _row(entry: Abstention) -> str:
    # The headline may average over many wordings; only the offered option is worth a name.
    return f"{entry.modality}{', option offered' if entry.variants == ('none_present',) else ''}"


@analysis(
    name="abstentions",
    table="abstention",
    title="Abstention and hallucination",
    head="model: asked",
    columns={
        "removed": "removed (n)",
        "answerable": "there (n)",
        "precision": "precision",
        "recall": "recall",
        "false_alarms": "false alarms",
        "hallucination": "names a class",
        "hallucinated_class": "names the clip's class",
    },
    row=_row,
    caption="precision: of the abstentions, the percent on removed modalities; recall: of the questions on removed "
    "modalities, the percent of abstentions; false alarms: of the answerable questions, the percent of abstentions; "
    "the last two: of the questions on removed modalities. 95% Wilson intervals (effective sample size over clips).",
)
def abstentions(table: VerdictTable, variants: Sequence[str] = ("standard",)) -> list[Abstention]:
    """Return the abstentions of each modality that was removed somewhere.

    First those of ``variants``, then those of ``none_present``, which offers the option, where it was asked.
    """
    return [*_abstentions(table, variants), *_abstentions(table, ("none_present",))]


def _abstentions(table: VerdictTable, variants: Sequence[str]) -> list[Abstention]:
    found = []
    for modality in Modality:
        rows = table.select(modality=modality, variants=variants)
        removed, there = rows.take(~rows.answerable), rows.take(rows.answerable)
        if not len(removed):
            continue
        declined = rows.take(rows.abstained)
        found.append(
            Abstention(
                modality=modality,
                variants=tuple(variants),
                removed=len(removed),
                answerable=len(there),
                precision=share(~declined.answerable, declined.clip),
                recall=share(removed.abstained, removed.clip),
                false_alarms=share(there.abstained, there.clip),
                hallucination=share(removed.names_a_class, removed.clip),
                several=share(removed.decision == SEVERAL, removed.clip),
                hallucinated_class=share(removed.correct, removed.clip),
            )
        )
    return found
