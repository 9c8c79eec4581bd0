"""Accuracies from papers beside those of the runs, marked as not re-run."""

from collections.abc import Sequence

from mma_bench.report.facts import Reference
from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.table import Table


def published_table(runs: Sequence[ScoredRun], columns: Sequence[Reference]) -> Table | None:
    """Return the table."""
    return None
