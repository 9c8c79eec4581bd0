"""Both questions about a stimulus right: a model that always follows one modality gets none under conflict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mma_bench.evaluation.analyses.registry import analysis
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.schema import Modality


@dataclass(frozen=True)
class JointAccuracy:
    """Share of stimuli whose visual and audio question are both answered correctly.

    Attributes:
        condition: the condition.
        stimuli: pairs of questions (several per stimulus with several wordings or repeats).
        both: share with both right.
        only_visual: share with the visual question right alone.
        only_audio: share with the audio question right alone.
        neither: the rest.
    """

    condition: str
    stimuli: int
    both: Estimate
    only_visual: Estimate
    only_audio: Estimate
    neither: Estimate


@analysis(
    name="joint",
    title="Both questions about a stimulus",
    head="model: condition",
    columns={
        "stimuli": "pairs (n)",
        "both": "both",
        "only_visual": "only visual",
        "only_audio": "only audio",
        "neither": "neither",
    },
    caption="Percent of the stimuli whose visual and audio question are both answered correctly; a model that always "
    "follows one modality gets none under misaligned. 95% Wilson intervals (effective sample size over clips).",
)
def joint_accuracies(table: VerdictTable, variants: Sequence[str] = ("standard",)) -> list[JointAccuracy]:
    """Return the joint accuracy of each condition whose two questions can be answered."""
    found = []
    for condition in table.conditions:
        rows = table.select(condition=condition, variants=variants)
        if not rows.answerable.all():
            continue
        keys = np.array(
            [f"{s}/{v}/{r}" for s, v, r in zip(rows.stimulus, rows.variant, rows.repeat, strict=True)], dtype=np.str_
        )
        visual, audio = rows.modality == str(Modality.VISUAL), rows.modality == str(Modality.AUDIO)
        _, seen, heard = np.intersect1d(keys[visual], keys[audio], return_indices=True)
        if not len(seen):
            continue
        v, a = rows.correct[visual][seen], rows.correct[audio][heard]
        clips = rows.clip[visual][seen]
        kinds = (v & a, v & ~a, ~v & a, ~v & ~a)
        found.append(JointAccuracy(condition, len(seen), *(share(kind, clips) for kind in kinds)))
    return found
