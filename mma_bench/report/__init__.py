"""The report: one static page with tables, figures and playable examples, next to Markdown, CSV and JSON."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_bench.report.write import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    # Late, so that `mma-bench --help`, which imports `mma_bench.cli.report`, does not load the readers.
    if name == "write_report":
        return importlib.import_module("mma_bench.report.write").write_report
    raise AttributeError(f"module 'mma_bench.report' has no attribute {name!r}")
