"""Power: the smallest difference that each comparison with aligned media could show."""

from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.evaluation.analyses.changes import changes
from mma_bench.evaluation.analyses.registry import analysis
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Average


@dataclass(frozen=True)
class Power:
    """What a paired comparison of one condition and modality could find.

    Attributes:
        condition: the condition.
        modality: what was asked about.
        pairs: effective number of pairs: several wordings of one question count as what they are worth.
        discordant: share of pairs of which one answer is right and one wrong, as observed.
        smallest: smallest true difference in accuracy that McNemar's test at 5% finds with a chance of 80%, if as
            many pairs are discordant as here, or as many as the difference itself needs.
    """

    condition: str
    modality: str
    pairs: float
    discordant: float
    smallest: float


@analysis(name="power", title="Smallest difference that each comparison with aligned media could show")
def powers(table: VerdictTable, variants: Sequence[str] = ("standard",), average: Average = "micro") -> list[Power]:
    """Return the power of each comparison that `changes` makes; its table shows ``smallest``."""
    return [
        Power(change.condition, change.modality, change.effective_pairs, change.discordant, change.smallest_difference)
        for change in changes(table, variants, average)
    ]
