"""Shortcuts in the data: what a model answers rightly about a modality that it was not given."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.scores import Scores
from mma_bench.evaluation.statistics import Estimate, share
from mma_bench.schema import Modality


@dataclass(frozen=True)
class Shortcut:
    """The questions of one task about a modality that the model was not given.

    Attributes:
        condition: of the questions; None for those of all conditions.
        modality: what was asked about and withheld; None for all that were.
        questions: number of answers.
        right: share that is right, with its interval over clips.
        chance: share that a guess among the options gets right.
    """

    condition: str | None
    modality: Modality | None
    questions: int
    right: Estimate
    chance: float

    @property
    def above_chance(self) -> bool:
        """Whether the interval lies above what a guess gives: then the questions can be answered in another way."""
        return self.right.low > self.chance

    @property
    def task(self) -> str:
        """The task in words."""
        asked = "all" if self.modality is None else str(self.modality)
        return asked if self.condition is None else f"{self.condition.replace('_', ' ')}, {asked}"


def shortcuts_of(scores: Scores, withheld: Collection[Modality]) -> list[Shortcut]:
    """Return the share of right answers about what a model was not given: of all, per modality and per task.

    Questions count in the headline wordings, if their modality is in the stimulus (elsewhere nothing is right) and
    their condition has no levels.

    Args:
        scores: of a run.
        withheld: what its model was not given.
    """
    table = scores.table
    asked = [modality for modality in Modality if modality in withheld]
    rows = table.take(
        table.answerable
        & ~np.isfinite(table.level)
        & np.isin(table.variant, list(scores.variants))
        & np.isin(table.modality, [str(modality) for modality in asked])
    )
    if not len(rows):
        return []
    found = [_shortcut(None, None, rows)] if len(asked) > 1 else []
    found += [_shortcut(None, modality, rows.select(modality=modality)) for modality in asked]
    for condition in rows.conditions:
        found += [
            _shortcut(condition, modality, rows.select(condition=condition, modality=modality)) for modality in asked
        ]
    return [one for one in found if one.questions]


def _shortcut(condition: str | None, modality: Modality | None, rows: VerdictTable) -> Shortcut:
    chance = float((1 / rows.options).mean()) if len(rows) else 0.0
    return Shortcut(condition, modality, len(rows), share(rows.correct, rows.clip), chance)
