"""Sensitivity to wording: does the same question get the same answer when its options are shuffled?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mma_bench.evaluation.analyses.registry import analysis
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.schema import Modality

FAMILIES = {
    "option order": "shuffled_options_",
    "instruction wording": "rephrased_",
    "caption wording": "caption_",
    "context length": "noise_",
}
"""What varies, and how the names of its variants begin."""


@dataclass(frozen=True)
class VariantScore:
    """One wording: all shares are of its answers."""

    variant: str
    answers: int
    accuracy: Estimate
    distraction: Estimate
    abstention: Estimate


@dataclass(frozen=True)
class Sensitivity:
    """The same questions in several wordings.

    Attributes:
        kind: what varies, see `FAMILIES`.
        condition: the condition.
        modality: what was asked about.
        scores: the standard wording first.
        spread: highest minus lowest accuracy.
        unstable: share of the questions whose decision is not the same in all wordings.
    """

    kind: str
    condition: str
    modality: Modality
    scores: Sequence[VariantScore]
    spread: float
    unstable: Estimate


@dataclass(frozen=True)
class _Line:
    """A line of the table: one wording; what is said of all of them is in the first."""

    kind: str
    condition: str
    modality: Modality
    variant: str
    answers: int
    accuracy: Estimate
    distraction: Estimate
    abstention: Estimate
    spread: float | str
    unstable: Estimate | str


def _lines(runs: Sequence[Sequence[Sensitivity]]) -> list[list[_Line]]:
    return [[line for entry in rows for line in _lines_of(entry)] for rows in runs]


def _lines_of(entry: Sensitivity) -> list[_Line]:
    return [
        _Line(
            kind=entry.kind,
            condition=entry.condition,
            modality=entry.modality,
            variant=score.variant,
            answers=score.answers,
            accuracy=score.accuracy,
            distraction=score.distraction,
            abstention=score.abstention,
            spread="" if number else entry.spread,
            unstable="" if number else entry.unstable,
        )
        for number, score in enumerate(entry.scores)
    ]


@analysis(
    name="sensitivity",
    title="Sensitivity to wording",
    head="model: what varies",
    columns={
        "answers": "n",
        "accuracy": "accuracy",
        "distraction": "distracted",
        "abstention": "abstained",
        "spread": "spread",
        "unstable": "decisions not stable",
    },
    caption="Percent of the answers to each wording; spread: highest minus lowest accuracy, in percentage points; not "
    "stable: questions whose decision is not the same in all wordings. 95% Wilson intervals (effective sample size "
    "over clips).",
    lines=_lines,
)
def sensitivities(table: VerdictTable) -> list[Sensitivity]:
    """Return the sensitivity of each condition and modality that was asked in several wordings of a family."""
    names = sorted(set(table.variant.tolist()))
    found = []
    for kind, beginning in FAMILIES.items():
        family = [name for name in names if name.startswith(beginning)]
        for condition in table.conditions if family else ():
            for modality in Modality:
                rows = table.select(condition=condition, modality=modality, variants=["standard", *family])
                present = [name for name in ("standard", *family) if (rows.variant == name).any()]
                if len(present) > 1 and "standard" in present:
                    found.append(_sensitivity(kind, condition, modality, rows, present))
    return found


def variant_score(variant: str, rows: VerdictTable) -> VariantScore:
    """Return the shares of ``rows``, all of one wording."""
    return VariantScore(
        variant=variant,
        answers=len(rows),
        accuracy=share(rows.correct, rows.clip),
        distraction=share(rows.distracted, rows.clip),
        abstention=share(rows.abstained, rows.clip),
    )


def _sensitivity(
    kind: str, condition: str, modality: Modality, rows: VerdictTable, variants: Sequence[str]
) -> Sensitivity:
    scores = [variant_score(name, rows.select(variants=[name])) for name in variants]
    accuracies = [score.accuracy.value for score in scores]
    # A question is a stimulus and a repeat; its wordings are compared with its first row.
    keys = rows.stimulus * (1 + int(rows.repeat.max())) + rows.repeat
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    differs = np.bincount(group, weights=rows.decision != rows.decision[first][group]) > 0
    return Sensitivity(
        kind=kind,
        condition=condition,
        modality=modality,
        scores=scores,
        spread=max(accuracies) - min(accuracies),
        unstable=share(differs, rows.clip[first]),
    )
