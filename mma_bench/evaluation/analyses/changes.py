"""What a condition changes against aligned media: McNemar's test and the share of changed decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mma_bench.evaluation.analyses.pairs import pair
from mma_bench.evaluation.analyses.registry import Column, analysis
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Average, Estimate, average_difference, holm, mcnemar, share
from mma_bench.evaluation.statistics.paired import effective_pairs
from mma_bench.evaluation.statistics.power import smallest_difference
from mma_bench.schema import Modality


@dataclass(frozen=True)
class Change:
    """A condition against aligned media, paired by clip.

    Attributes:
        condition: the condition.
        modality: what was asked about.
        pairs: answers that have a partner under ``aligned``.
        effective_pairs: number of independent pairs that are worth as much: wordings of one question are not.
        lost: right when aligned, wrong under the condition.
        gained: wrong when aligned, right under the condition.
        accuracy_change: accuracy under the condition minus that of its partners, by the protocol's average.
        causal_effect: share of changed decisions: another class, or an abstention where a class was (or the
            reverse). What was asked about stays the same, so only the condition can have changed it.
        p_value: of McNemar's test of ``lost`` against ``gained``.
        p_adjusted: after Holm's correction over all changes shown together.
        significant: ``p_adjusted`` below 0.05.
    """

    condition: str
    modality: Modality
    pairs: int
    effective_pairs: float
    lost: int
    gained: int
    accuracy_change: Estimate
    causal_effect: Estimate
    p_value: float
    p_adjusted: float
    significant: bool

    @property
    def discordant(self) -> float:
        """Share of pairs of which one answer is right and one wrong."""
        return (self.lost + self.gained) / self.pairs

    @property
    def smallest_difference(self) -> float:
        """Smallest true difference that the test finds with a chance of 80%; see `power`."""
        return smallest_difference(self.effective_pairs, self.discordant)


def corrected_together(groups: Sequence[Sequence[Change]]) -> list[list[Change]]:
    """Return the changes of several runs with their p-values corrected for the number of all of them.

    Args:
        groups: the changes of each run that one table shows.
    """
    adjusted = iter(holm([change.p_value for changes in groups for change in changes]).tolist())
    return [
        [replace(change, p_adjusted=(p := next(adjusted)), significant=p < 0.05) for change in changes]
        for changes in groups
    ]


def p_text(value: float) -> str:
    """Return a p-value as it is printed."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _notes(lines: Sequence[Change]) -> list[str]:
    return [
        f"* McNemar's test, p below 0.05 after Holm's correction over all {len(lines)} comparisons of this table.",
        "lost: right when aligned, wrong under the condition; gained: the reverse; smallest to be found: "
        "smallest true difference, in percentage points, that one test at 5% finds with a chance of 80%, before "
        "Holm's correction; after it, only larger differences are.",
    ]


@analysis(
    title="Changes against aligned media",
    head="model: condition, asked",
    columns={
        "pairs": "pairs (n)",
        "lost": "lost",
        "gained": "gained",
        "accuracy_change": Column("change", signed=True, marks=lambda change: "*" if change.significant else ""),
        "p_adjusted": Column("p (Holm)", text=p_text),
        "causal_effect": "decisions changed",
        "smallest_difference": "smallest to be found",
    },
    caption="Paired by clip. change: accuracy under the condition minus that of the aligned partners, in percentage "
    "points; decisions changed: the causal effect, percent of pairs; 95% intervals (Bonett and Price; Wilson).",
    row=lambda change: f"{change.condition.replace('_', ' ')}, {change.modality}",
    lines=corrected_together,
    notes=_notes,
)
def changes(table: VerdictTable, variants: Sequence[str] = ("standard",), average: Average = "micro") -> list[Change]:
    """Compare every condition whose questions can be answered with ``aligned``, and correct for their number."""
    found = []
    for modality in Modality:
        aligned = table.select(condition="aligned", modality=modality, variants=variants)
        for condition in table.conditions:
            rows = table.select(condition=condition, modality=modality, variants=variants)
            if condition != "aligned" and len(rows) and rows.answerable.all():
                found += _change(condition, modality, aligned, rows, average)
    return corrected_together([found])[0]


def _change(
    condition: str, modality: Modality, aligned: VerdictTable, rows: VerdictTable, average: Average
) -> list[Change]:
    pairs = pair(aligned, rows)
    if not len(pairs):
        return []
    clips = pairs.changed.clip
    before, after = pairs.reference.correct, pairs.changed.correct
    p_value = mcnemar(before, after, clips)
    return [
        Change(
            condition=condition,
            modality=modality,
            pairs=len(pairs),
            effective_pairs=effective_pairs(before, after, clips),
            lost=int((before & ~after).sum()),
            gained=int((~before & after).sum()),
            accuracy_change=average_difference(before, after, average, pairs.changed.answer, clips),
            causal_effect=share(pairs.reference.decision != pairs.changed.decision, clips),
            p_value=p_value,
            p_adjusted=p_value,
            significant=p_value < 0.05,
        )
    ]
