"""The tables of a run."""

import math
from collections.abc import Sequence

from mma_bench.evaluation.statistics import Estimate
from mma_bench.files.text import visible
from mma_bench.interference.against import Difference, Other
from mma_bench.interference.protocol import KINDS, TaskKind
from mma_bench.interference.published import published
from mma_bench.interference.results import Effect, Results
from mma_bench.interference.stimuli import AGAIN, CLEAN
from mma_bench.report.table import Column, Row, Share, Table, share_of

_NAMES = {AGAIN: "asked again", CLEAN: "clean"}


def name_of(intervention: str) -> str:
    """Return an intervention in words."""
    return _NAMES.get(intervention, visible(intervention.replace("_", " ").replace(":", ", strength "), one_line=True))


def tables_of(results: Results, other: Other | None, differences: Sequence[Difference]) -> list[Table]:
    """Return the tables of a run in the order to show."""
    kinds = [TaskKind(one.kind) for one in results.clean]
    tables = [_accuracy(results, kind) for kind in kinds]
    tables += [_directions(results, kind) for kind in kinds]
    if other:
        tables += [_differences(differences, kind, other) for kind in kinds]
    return [*tables, _published(kinds)]


def _effects(results: Results, kind: TaskKind) -> list[Effect]:
    return [one for one in results.effects if one.kind == kind]


def _accuracy(results: Results, kind: TaskKind) -> Table:
    clean = next(one for one in results.clean if one.kind == kind)
    rows = [Row(name_of(CLEAN), [clean.items, None, share_of(clean.accuracy), None, None, None])]
    for one in _effects(results, kind):
        difference = share_of(one.difference, signed=True)
        rows.append(
            Row(
                name_of(one.intervention),
                [one.answers, share_of(one.effect), share_of(one.accuracy), difference, one.lost, one.gained],
                "reference" if one.intervention == AGAIN else "model",
            )
        )
    return Table(
        name=f"effects_{kind}",
        title=f"Causal effect and accuracy, {KINDS[kind]} questions",
        caption=(
            "Causal effect: percent of the decisions that differ from the one without the intervention. Right: percent "
            f"of all answers; guessing gives {100 * clean.chance:.0f}. 95% intervals over source items (Wilson; Bonett "
            "and Price for differences)."
        ),
        head="intervention",
        columns=[
            Column("answers"),
            Column("causal effect, %"),
            Column("right, %"),
            Column("against clean"),
            Column("lost"),
            Column("gained"),
        ],
        rows=rows,
        notes=["Lost and gained: answers that became wrong, and that became right."],
    )


def _directions(results: Results, kind: TaskKind) -> Table:
    rows = []
    for one in _effects(results, kind):
        entries = [one.to_suggested, one.to_right, one.to_other, one.to_unreadable, one.follow]
        chance = None if math.isnan(one.follow_by_chance) else Share(one.follow_by_chance)
        shown = [share_of(entry) for entry in entries]
        rows.append(
            Row(name_of(one.intervention), [*shown, chance], "reference" if one.intervention == AGAIN else "model")
        )
    return Table(
        name=f"directions_{kind}",
        title=f"Where changed decisions go, {KINDS[kind]} questions",
        caption=(
            "Percent of all answers that changed to each place. Follows: of the changed answers that could, the "
            "percent that went to the suggested option; by chance: if they had gone to any other option alike. 95% "
            "Wilson intervals over source items."
        ),
        head="intervention",
        columns=[
            Column("to the suggested option"),
            Column("to the right option"),
            Column("to another option"),
            Column("to no option"),
            Column("follows"),
            Column("by chance"),
        ],
        rows=rows,
    )


def _differences(differences: Sequence[Difference], kind: TaskKind, other: Other) -> Table:
    rows = []
    for one in differences:
        if one.kind == kind:
            shares: list[Share | None] = [Share(one.effect_before), Share(one.effect_after)]
            if one.intervention == CLEAN:
                shares = [None, None]
            shares += [
                _signed(one.effect),
                Share(one.accuracy_before),
                Share(one.accuracy_after),
                _signed(one.accuracy),
            ]
            rows.append(Row(name_of(one.intervention), [one.pairs, *shares]))
    label = visible(other.label, one_line=True)
    return Table(
        name=f"against_{kind}",
        title=f"This run against {label}, {KINDS[kind]} questions",
        caption=(
            f"{label}: {visible(other.head.model, one_line=True)}. Only questions that both answered; differences are "
            "paired, with 95% intervals over source items (Bonett and Price)."
        ),
        head="intervention",
        columns=[
            Column("questions"),
            Column(label, "causal effect, %"),
            Column("this run", "causal effect, %"),
            Column("difference", "causal effect, %"),
            Column(label, "right, %"),
            Column("this run", "right, %"),
            Column("difference", "right, %"),
        ],
        rows=rows,
    )


def _signed(estimate: Estimate) -> Share | None:
    return share_of(estimate, signed=True)


def _published(kinds: Sequence[TaskKind]) -> Table:
    source = published()
    shown = [one for one in source.under_perturbation if one.kind in kinds] or source.under_perturbation
    return Table(
        name="published",
        title="Published: accuracy under perturbation",
        caption=f"As reported in {source.source}, {source.url}; not re-run. {source.caveat}",
        head="model",
        columns=[Column("task"), Column("kind"), Column("before tuning, %"), Column("after tuning, %")],
        rows=[
            Row(
                f"{one.model} (published)",
                [one.task, KINDS[one.kind], Share(one.before / 100), Share(one.after / 100)],
                "published",
            )
            for one in shown
        ],
        notes=["Published, not re-run. The paper shows pictures and text only; it has no sound."],
    )
