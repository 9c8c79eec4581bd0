"""Files for other trainers: questions as JSON Lines next to the media."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_bench.export.write import export

__all__ = ["export"]


def __getattr__(name: str) -> Any:
    # Late, so that `mma-bench --help`, which imports `mma_bench.cli.export`, does not load the readers.
    if name == "export":
        return importlib.import_module("mma_bench.export.write").export
    raise AttributeError(f"module 'mma_bench.export' has no attribute {name!r}")
