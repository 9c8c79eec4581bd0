"""AVHBench (ICLR 2025): does the content of one modality make a model hallucinate in the other?"""

from typing import Any

__all__ = ["AVHBenchScores", "evaluate_avhbench"]


def __getattr__(name: str) -> Any:
    # Late, so that `mma-bench --help`, which imports `mma_bench.cli.avhbench`, does not load the models.
    if name in __all__:
        from mma_bench.avhbench import runner

        return getattr(runner, name)
    raise AttributeError(f"module 'mma_bench.avhbench' has no attribute {name!r}")
