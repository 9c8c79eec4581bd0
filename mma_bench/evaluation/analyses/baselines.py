"""What one gets without a model: from the labels alone, no run needed."""

from dataclasses import dataclass

import numpy as np

from mma_bench.evaluation.analyses.registry import analysis
from mma_bench.evaluation.analyses.table import STANDARD, VerdictTable
from mma_bench.schema import Modality


@dataclass(frozen=True)
class Baseline:
    """Accuracy of a rule under one condition and modality.

    Attributes:
        name: ``random`` (an option with equal chances: expected shares), ``majority`` (always the class that is
            most often right in this condition and modality), ``visual-only`` and ``audio-only`` (name what that
            stream shows whatever is asked, abstain where it was removed).
        condition: the condition.
        modality: what was asked about.
        questions: how many there are.
        accuracy: share right.
        macro_accuracy: mean over classes of the share right.
        distraction: share that names the distractor.
    """

    name: str
    condition: str
    modality: Modality
    questions: int
    accuracy: float
    macro_accuracy: float
    distraction: float


@analysis(title="What the labels alone give", graded=True)
def baselines(table: VerdictTable) -> list[Baseline]:
    """Return all baselines for the standard questions of ``table``, whatever was answered.

    The table of accuracies shows them.
    """
    found = []
    for condition in table.conditions:
        for modality in Modality:
            rows = table.select(condition=condition, modality=modality, variants=STANDARD)
            if len(rows):
                found += _of_cell(condition, modality, rows)
    return found


def _of_cell(condition: str, modality: Modality, rows: VerdictTable) -> list[Baseline]:
    classes, codes = np.unique(rows.answer, return_inverse=True)
    counts = np.bincount(codes)
    majority = np.full(len(rows), classes[counts.argmax()])
    said = {"majority": majority, "visual-only": rows.seen, "audio-only": rows.heard}
    guess = 1 / rows.options
    per_class = np.bincount(codes, weights=guess) / counts
    there = rows.distractor >= 0
    found = [
        Baseline(
            "random",
            condition,
            modality,
            len(rows),
            float(guess.mean()),
            float(per_class.mean()),
            float((guess * there).mean()),
        )
    ]
    for name, decision in said.items():
        right = decision == rows.answer
        macro = float((np.bincount(codes, weights=right) / counts).mean())
        misled = (decision == rows.distractor) & there
        found.append(Baseline(name, condition, modality, len(rows), float(right.mean()), macro, float(misled.mean())))
    return found
