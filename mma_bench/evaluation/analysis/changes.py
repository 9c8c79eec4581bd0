"""What a condition changes against aligned media: McNemar's test and the share of changed decisions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mma_bench.evaluation.analysis.estimates import ClipBootstrap, Estimate, share
from mma_bench.evaluation.analysis.pairs import pair
from mma_bench.evaluation.analysis.table import Codes, Flags, VerdictTable
from mma_bench.schema import Modality


@dataclass(frozen=True)
class Change:
    """A condition against aligned media, paired by clip.

    Attributes:
        condition: the condition.
        modality: what was asked about.
        pairs: answers that have a partner under ``aligned``.
        lost: right when aligned, wrong under the condition.
        gained: wrong when aligned, right under the condition.
        accuracy_change: accuracy under the condition minus that of its partners.
        causal_effect: share of changed decisions: another class, or an abstention where a class was (or the
            reverse). What was asked about stays the same, so only the condition can have changed it.
        p_value: of McNemar's test of ``lost`` against ``gained``.
        p_adjusted: after Holm's correction over all changes shown together.
        significant: ``p_adjusted`` below 0.05.
    """

    condition: str
    modality: Modality
    pairs: int
    lost: int
    gained: int
    accuracy_change: Estimate
    causal_effect: Estimate
    p_value: float
    p_adjusted: float
    significant: bool


def changes(table: VerdictTable, variants: Sequence[str] = ("standard",)) -> list[Change]:
    """Compare every condition whose questions can be answered with ``aligned``, and correct for their number."""
    found = []
    for modality in Modality:
        aligned = table.select(condition="aligned", modality=modality, variants=variants)
        for condition in table.conditions:
            rows = table.select(condition=condition, modality=modality, variants=variants)
            if condition != "aligned" and len(rows) and rows.answerable.all():
                found += _change(condition, modality, aligned, rows)
    return corrected_together([found])[0]


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


def _change(condition: str, modality: Modality, aligned: VerdictTable, rows: VerdictTable) -> list[Change]:
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
            lost=int((before & ~after).sum()),
            gained=int((~before & after).sum()),
            accuracy_change=ClipBootstrap(clips).mean(after.astype(np.float64) - before),
            causal_effect=share(pairs.reference.decision != pairs.changed.decision, clips),
            p_value=p_value,
            p_adjusted=p_value,
            significant=p_value < 0.05,
        )
    ]


def mcnemar(before: Flags, after: Flags, clips: Codes) -> float:
    """Return the two-sided p-value of McNemar's test that as many answers were lost as gained.

    With one pair a clip the test is exact (binomial). With several (option orders, repeats) it is Durkalski's
    (2003) for clustered pairs, which weighs each clip once and, for one pair a clip, is McNemar's chi-square.

    Args:
        before: whether each answer was right, shape [pairs].
        after: whether its partner is, shape [pairs].
        clips: clip of each pair, shape [pairs].
    """
    difference = before.astype(np.int64) - after
    codes = np.unique(clips, return_inverse=True)[1]
    sizes = np.bincount(codes)
    if sizes.max(initial=0) <= 1:
        lost, gained = int((difference > 0).sum()), int((difference < 0).sum())
        return min(1.0, 2 * _binomial_tail(min(lost, gained), lost + gained))
    means = np.bincount(codes, weights=difference) / sizes
    spread = float((means**2).sum())
    # Chi-square of one degree of freedom is the square of a normal variable.
    return math.erfc(abs(float(means.sum())) / math.sqrt(2 * spread)) if spread else 1.0


def _binomial_tail(hits: int, total: int) -> float:
    """Return the chance of at most ``hits`` heads in ``total`` throws, in whole numbers: exact before the division.

    SciPy has it too, but takes longer to import than thousands of answers to judge.
    """
    term = ways = 1
    for i in range(hits):
        term = term * (total - i) // (i + 1)
        ways += term
    return ways / (1 << total)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return ``p_values``, shape [tests], after Holm's (1979) step-down correction, which needs no independence."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
