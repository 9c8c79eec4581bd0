"""The tables of a report, each made once as data and written as LaTeX, Markdown, CSV and JSON."""

from collections.abc import Sequence

from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables.abstention import abstention_table
from mma_bench.report.tables.calibration import calibration_table
from mma_bench.report.tables.changes import changes_table
from mma_bench.report.tables.competence import competence_table
from mma_bench.report.tables.joint import joint_table
from mma_bench.report.tables.published import published_table
from mma_bench.report.tables.reliance import reliance_table
from mma_bench.report.tables.sensitivity import sensitivity_table
from mma_bench.report.tables.table import Table
from mma_bench.report.tables.usage import usage_table

__all__ = ["analysis_tables", "published_table"]


def analysis_tables(runs: Sequence[ScoredRun]) -> list[Table]:
    """Return every table of analyses for which there are data."""
    found = [
        competence_table(runs),
        changes_table(runs),
        reliance_table(runs),
        joint_table(runs),
        abstention_table(runs),
        sensitivity_table(runs),
        calibration_table(runs),
        usage_table(runs),
    ]
    return [table for table in found if table is not None]
