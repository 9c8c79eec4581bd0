"""Cannot see, or does not look? Losses split into what competence lacks and what interference takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.evaluation.analyses.pairs import pair
from mma_bench.evaluation.analyses.table import Flags, VerdictTable
from mma_bench.evaluation.statistics import Average, Estimate, average_difference, average_share
from mma_bench.schema import Modality

ONE_SENSE = {Modality.VISUAL: "audio_removed", Modality.AUDIO: "frames_zeroed"}
"""The condition in which a modality is asked about alone: there accuracy is the ceiling of competence."""


@dataclass(frozen=True)
class CompetenceSplit:
    """Where the accuracy of one condition and modality went, paired by clip.

    `1 - accuracy = lacking + interference`, and `interference = taken - given`. All shares are of the pairs, by the
    average that the protocol names.

    Attributes:
        condition: condition that interferes.
        modality: what was asked about.
        pairs: answers that have the same question answered with one sense.
        ceiling: accuracy with the other sense removed.
        accuracy: accuracy under the condition.
        lacking: `1 - ceiling`: what the model does not know even undisturbed.
        interference: `ceiling - accuracy`: what the other modality takes, net. Negative if it helps.
        taken: share right with one sense and wrong under the condition.
        given: share wrong with one sense and right under the condition.
        misled: share right with one sense that names the distractor under the condition: part of ``taken``.
    """

    condition: str
    modality: Modality
    pairs: int
    ceiling: Estimate
    accuracy: Estimate
    lacking: Estimate
    interference: Estimate
    taken: Estimate
    given: Estimate
    misled: Estimate


def competence_splits(
    table: VerdictTable, variants: Sequence[str] = ("standard",), average: Average = "micro"
) -> list[CompetenceSplit]:
    """Split the losses of every condition whose questions can be answered.

    Args:
        table: all verdicts.
        variants: wordings that count.
        average: over questions or over classes.
    """
    found = []
    for modality, ceiling_condition in ONE_SENSE.items():
        ceiling = table.select(condition=ceiling_condition, modality=modality, variants=variants)
        for condition in table.conditions:
            rows = table.select(condition=condition, modality=modality, variants=variants)
            if condition == ceiling_condition or not len(rows) or not rows.answerable.all():
                continue
            if split := _split(condition, modality, ceiling, rows, average):
                found.append(split)
    return found


def _split(
    condition: str, modality: Modality, ceiling: VerdictTable, rows: VerdictTable, average: Average
) -> CompetenceSplit | None:
    pairs = pair(ceiling, rows)
    if not len(pairs):
        return None
    clips, classes = pairs.changed.clip, pairs.changed.answer

    def share(hits: Flags) -> Estimate:
        return average_share(hits, average, classes, clips)

    alone, together = pairs.reference.correct, pairs.changed.correct
    return CompetenceSplit(
        condition=condition,
        modality=modality,
        pairs=len(pairs),
        ceiling=share(alone),
        accuracy=share(together),
        lacking=share(~alone),
        interference=average_difference(together, alone, average, classes, clips),
        taken=share(alone & ~together),
        given=share(~alone & together),
        misled=share(alone & pairs.changed.distracted),
    )
