"""Answers to the same question about the same clip under two conditions, or in two wordings."""

from dataclasses import dataclass

import numpy as np

from mma_bench.evaluation.analyses.table import Codes, VerdictTable


@dataclass(frozen=True)
class Pairs:
    """Rows that belong together, in the same order.

    Attributes:
        reference: rows of the reference condition or wording.
        changed: rows of the other one; all else that identifies a question is the same.
    """

    reference: VerdictTable
    changed: VerdictTable

    def __len__(self) -> int:
        return len(self.changed)


def pair(reference: VerdictTable, changed: VerdictTable) -> Pairs:
    """Join two conditions by the clip asked about, the wording and the repeat.

    Args:
        reference: rows of one condition and modality. Of several rows with one key the first is taken.
        changed: rows of another condition, the same modality. A clip may occur several times (as the donor of
            several audio streams): each row finds the same partner. Rows without a partner are left out.
    """
    return _joined(reference, changed, *_keys(reference, changed))


def wordings(rows: VerdictTable, reference: str, changed: str) -> Pairs:
    """Join two wordings by the stimulus and the repeat.

    Args:
        rows: rows of one condition and modality.
        reference: wording of the reference.
        changed: the other wording. Rows without a partner are left out.
    """
    repeats = 1 + int(rows.repeat.max(initial=0))
    first, second = (rows.select(variants=[name]) for name in (reference, changed))
    keys = [table.stimulus * repeats + table.repeat for table in (first, second)]
    return _joined(first, second, *keys)


def _joined(reference: VerdictTable, changed: VerdictTable, first: Codes, second: Codes) -> Pairs:
    order = np.argsort(first, kind="stable")
    place = np.searchsorted(first[order], second)
    inside = np.minimum(place, max(len(first) - 1, 0))
    found = (first[order][inside] == second) if len(first) else np.zeros(len(second), dtype=bool)
    return Pairs(reference.take(order[inside[found]]), changed.take(found))


def _keys(one: VerdictTable, other: VerdictTable) -> tuple[Codes, Codes]:
    names = sorted({*one.variant.tolist(), *other.variant.tolist()})
    number = {name: i for i, name in enumerate(names)}
    repeats = 1 + int(max((table.repeat.max(initial=0) for table in (one, other)), default=0))

    def keys(table: VerdictTable) -> Codes:
        variants = np.array([number[name] for name in table.variant], dtype=np.int64)
        return (table.clip * len(names) + variants) * repeats + table.repeat

    return keys(one), keys(other)
