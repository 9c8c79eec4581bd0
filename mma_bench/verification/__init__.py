"""Check a dataset's folder against itself: every hash, column, key and number, and name what is wrong."""

from mma_bench.verification.dataset import verify_data
from mma_bench.verification.problems import Problem

__all__ = ["Problem", "verify_data"]
