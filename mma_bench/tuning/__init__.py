"""Teaching a model which sense to trust; `recipe.py` is the whole of it."""

import importlib
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError

if TYPE_CHECKING:
    from mma_bench.tuning.adapter import merge
    from mma_bench.tuning.recipe import Tuned, tune
    from mma_bench.tuning.settings import TuneSettings, read_settings

__all__ = ["TuneSettings", "Tuned", "merge", "read_settings", "tune"]

_HOMES = {
    "merge": "adapter",
    "tune": "recipe",
    "Tuned": "recipe",
    "TuneSettings": "settings",
    "read_settings": "settings",
}


def __getattr__(name: str) -> Any:
    # Late, so that `mma-bench --help`, which imports `mma_bench.tuning.cli`, does not load torch.
    if name in _HOMES:
        try:
            return getattr(importlib.import_module(f"mma_bench.tuning.{_HOMES[name]}"), name)
        except ImportError as error:
            raise MMABenchError(
                f"tuning needs {error.name}; install it with `pip install 'mma-bench[models,train,tune]'`"
            ) from error
    raise AttributeError(f"module 'mma_bench.tuning' has no attribute {name!r}")
