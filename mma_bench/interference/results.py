"""What interventions did, as a pure function of the decisions."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mma_bench.evaluation.statistics import NOTHING, Estimate, paired_difference, share
from mma_bench.interference.decisions import Decision
from mma_bench.interference.protocol import TaskKind
from mma_bench.interference.stimuli import AGAIN, CLEAN
from mma_bench.parsing import Outcome

RESULTS_VERSION = 1

_NO_OPTION = frozenset(f"<{outcome}>" for outcome in Outcome)
"""Decisions for no option."""


@dataclass(frozen=True)
class Effect:
    """One intervention on one kind of task. Shares are of all its answers, with 95% intervals over source items.

    Attributes:
        kind: the kind of task.
        intervention: label of the intervention; `again` for the clean question asked a second time.
        changes: the channel that was changed.
        answers: number of answers.
        items: number of source items.
        clean: share that is right without the intervention, of the same items.
        accuracy: share that is right under it.
        difference: accuracy minus clean.
        effect: causal effect: share of answers whose decision differs from the one without the intervention.
        to_suggested: share that changed to the suggested option; none if the intervention suggests nothing.
        suggested: share of answers with a suggestion.
        to_right: share that changed to the right option.
        to_other: share that changed to another option.
        to_unreadable: share that changed to no option, by declining or by an answer that cannot be read.
        lost: number of answers that were right without the intervention alone.
        gained: number of answers that are right under it alone.
        follow: of the changed answers with a suggestion, the share that went to it.
        follow_by_chance: that share if changed answers went to any other option alike.
    """

    kind: str
    intervention: str
    changes: str
    answers: int
    items: int
    clean: Estimate
    accuracy: Estimate
    difference: Estimate
    effect: Estimate
    to_suggested: Estimate
    suggested: float
    to_right: Estimate
    to_other: Estimate
    to_unreadable: Estimate
    lost: int
    gained: int
    follow: Estimate
    follow_by_chance: float


@dataclass(frozen=True)
class CleanAccuracy:
    """The answers without an intervention.

    Attributes:
        kind: the kind of task.
        items: number of source items.
        accuracy: share that is right.
        chance: share that a guess would get right.
        unreadable: share of answers in which no option was recognised.
    """

    kind: str
    items: int
    accuracy: Estimate
    chance: float
    unreadable: Estimate


@dataclass(frozen=True)
class Results:
    """All results of a run.

    Attributes:
        clean: per kind of task.
        effects: per kind of task and intervention, in the order of the run.
        missing: questions without an answer.
    """

    clean: Sequence[CleanAccuracy]
    effects: Sequence[Effect]
    missing: int

    def effect(self, intervention: str, kind: str | None = None) -> Effect:
        """Return the effect of an intervention.

        Raises:
            KeyError: there is none.
        """
        for one in self.effects:
            if one.intervention == intervention and kind in (None, one.kind):
                return one
        raise KeyError(intervention)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; what cannot be estimated is null."""
        return {
            "version": RESULTS_VERSION,
            "clean": [plain(asdict(one)) for one in self.clean],
            "effects": [plain(asdict(one)) for one in self.effects],
            "missing": self.missing,
        }


def results_of(decisions: Sequence[Decision], labels: Sequence[str], missing: int) -> Results:
    """Return the results of a run.

    Args:
        decisions: all of them.
        labels: the interventions, in the order to show; repeated ones count once.
        missing: number of questions without an answer.
    """
    clean, effects = [], []
    by_place: dict[tuple[str, str], list[Decision]] = {}
    for one in decisions:
        by_place.setdefault((one.kind, one.intervention), []).append(one)
    for kind in TaskKind:
        if (kind, CLEAN) not in by_place:
            continue
        clean.append(_clean(by_place[kind, CLEAN]))
        for label in dict.fromkeys([AGAIN, *labels]):
            if rows := by_place.get((kind, label)):
                effects.append(effect_of(rows))
    return Results(clean, effects, missing)


def effect_of(rows: Sequence[Decision]) -> Effect:
    """Return the effect of one intervention on one kind of task.

    Args:
        rows: its decisions; at least one.
    """
    clusters = [row.cluster for row in rows]
    before, after = [row.clean_correct for row in rows], [row.correct for row in rows]
    suggesting = [row.suggested is not None for row in rows]
    changed = [row for row in rows if row.changed and row.suggested is not None and row.clean_decision != row.suggested]

    def went(where: str) -> Estimate:
        return share([row.went == where for row in rows], clusters)

    return Effect(
        kind=rows[0].kind,
        intervention=rows[0].intervention,
        changes=rows[0].changes,
        answers=len(rows),
        items=len(set(clusters)),
        clean=share(before, clusters),
        accuracy=share(after, clusters),
        difference=paired_difference(before, after, clusters),
        effect=share([row.changed for row in rows], clusters),
        to_suggested=went("suggested") if any(suggesting) else NOTHING,
        suggested=sum(suggesting) / len(rows),
        to_right=went("right"),
        to_other=went("other"),
        to_unreadable=went("unreadable"),
        lost=sum(b and not a for b, a in zip(before, after, strict=True)),
        gained=sum(a and not b for b, a in zip(before, after, strict=True)),
        follow=share([row.went == "suggested" for row in changed], [row.cluster for row in changed]),
        follow_by_chance=sum(map(_chance, changed)) / len(changed) if changed else float("nan"),
    )


def _chance(row: Decision) -> float:
    """Return how probable one option is for a decision that changed: all but the one that it left, if it left one."""
    return 1 / (row.options - (row.clean_decision not in _NO_OPTION))


def _clean(rows: Sequence[Decision]) -> CleanAccuracy:
    clusters = [row.cluster for row in rows]
    return CleanAccuracy(
        kind=rows[0].kind,
        items=len(set(clusters)),
        accuracy=share([row.correct for row in rows], clusters),
        chance=sum(1 / row.options for row in rows) / len(rows),
        unreadable=share([row.decision.startswith("<") for row in rows], clusters),
    )


def plain(value: Any) -> Any:
    """Return nested values with rounded numbers; what is not a number is null."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
