"""All analyses of one run, from its verdicts alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from mma_bench.evaluation.analyses.registry import compute_all
from mma_bench.evaluation.analyses.table import STANDARD, VerdictTable
from mma_bench.evaluation.statistics import Average

R = TypeVar("R")


@dataclass(frozen=True)
class Analysis:
    """Everything a report shows of one run besides its table of accuracies.

    Attributes:
        variants: wordings that the headline numbers average over.
        results: the rows of each analysis by its name; `mma-bench list analyses` lists them. Each is an attribute too:
            `analysis.reliance`.
    """

    variants: Sequence[str]
    results: Mapping[str, Sequence[Any]]

    def __getattr__(self, name: str) -> Sequence[Any]:
        """Return the rows of an analysis by its name."""
        try:
            return self.__dict__["results"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"the run has no analysis {name!r}") from None

    def rows(self, name: str) -> Sequence[Any]:
        """Return the rows of an analysis by its name; none if the run has no such analysis."""
        return self.results.get(name, ())

    def of(self, kind: type[R]) -> list[R]:
        """Return all rows of one type, such as `Reliance`."""
        return [row for rows in self.results.values() for row in rows if isinstance(row, kind)]

    def to_json(self) -> dict[str, Any]:
        """Return plain values; shares are rounded to six digits, and what could not be computed is null."""
        plain = {name: _plain([asdict(row) for row in rows]) for name, rows in self.results.items()}
        return {"variants": list(self.variants), **plain}


def analyse(table: VerdictTable, variants: Sequence[str] = STANDARD, average: Average = "micro") -> Analysis:
    """Compute all analyses. The same table gives the same numbers.

    Args:
        table: all verdicts of a run.
        variants: wordings that the headline numbers average over.
        average: over questions or classes, for what is compared with the table of accuracies.
    """
    return Analysis(tuple(variants), compute_all(table, variants, average))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
