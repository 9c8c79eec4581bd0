"""Teach a model which modality to trust; `recipe.py` contains the whole recipe."""

import importlib
from typing import TYPE_CHECKING, Any

from mma_bench.extras import require

if TYPE_CHECKING:
    from mma_bench.tuning.adapter import merge
    from mma_bench.tuning.recipe import Tuned, tune
    from mma_bench.tuning.settings import TuneSettings, read_settings

__all__ = ["TuneSettings", "Tuned", "merge", "read_settings", "tune"]

EXTRAS = ("models", "train", "tune")
"""Packages that tuning needs."""

_PACKAGES = ("torch", "transformers", "accelerate", "peft", "webdataset", "av")

_HOMES = {
    "merge": "adapter",
    "tune": "recipe",
    "Tuned": "recipe",
    "TuneSettings": "settings",
    "read_settings": "settings",
}


def require_packages(*more: str) -> None:
    """Check that the packages for tuning and the modules ``more`` are installed. Raises MMABenchError."""
    require("tuning", (*_PACKAGES, *more), *EXTRAS)


def __getattr__(name: str) -> Any:
    # Imported late, so that `mma-bench --help`, which imports `mma_bench.cli.tune`, does not load torch.
    if name in _HOMES:
        if _HOMES[name] != "settings":
            require_packages()
        return getattr(importlib.import_module(f"mma_bench.tuning.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mma_bench.tuning' has no attribute {name!r}")
