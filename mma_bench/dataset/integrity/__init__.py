"""Check a dataset's folder against itself: every hash, column, key and number, and name what is wrong."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_bench.dataset.integrity.dataset import verify_data
    from mma_bench.dataset.integrity.problems import Problem

__all__ = ["Problem", "verify_data"]


def __getattr__(name: str) -> Any:
    # The command line imports this package for its options alone; PyAV and Arrow load with the first check.
    if name == "verify_data":
        from mma_bench.dataset.integrity.dataset import verify_data

        return verify_data
    if name == "Problem":
        from mma_bench.dataset.integrity.problems import Problem

        return Problem
    raise AttributeError(f"module 'mma_bench.dataset.integrity' has no attribute {name!r}")
