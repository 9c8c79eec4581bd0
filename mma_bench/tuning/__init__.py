"""Teaching a model which sense to trust; `recipe.py` is the whole of it."""

import importlib
from typing import TYPE_CHECKING, Any

from mma_bench.extras import require

if TYPE_CHECKING:
    from mma_bench.tuning.adapter import merge
    from mma_bench.tuning.recipe import Tuned, tune
    from mma_bench.tuning.settings import TuneSettings, read_settings

__all__ = ["TuneSettings", "Tuned", "merge", "read_settings", "tune"]

EXTRAS = ("models", "train", "tune")
"""What tuning needs installed."""

_PACKAGES = ("torch", "transformers", "accelerate", "peft", "webdataset", "av")

_HOMES = {
    "merge": "adapter",
    "tune": "recipe",
    "Tuned": "recipe",
    "TuneSettings": "settings",
    "read_settings": "settings",
}


def require_packages(*more: str) -> None:
    """Check that what tuning needs is installed, and ``more`` modules. Raises MMABenchError."""
    require("tuning", (*_PACKAGES, *more), *EXTRAS)


def __getattr__(name: str) -> Any:
    # Late, so that `mma-bench --help`, which imports `mma_bench.cli.tune`, does not load torch.
    if name in _HOMES:
        if _HOMES[name] != "settings":
            require_packages()
        return getattr(importlib.import_module(f"mma_bench.tuning.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mma_bench.tuning' has no attribute {name!r}")
