"""The conditions: which streams a stimulus is made of, or how the text around its questions lies.

A new condition is one file here with a decorated function, and an entry in `mma_bench.schema.CONDITIONS`; a user's own
is a single function outside, see `mma_bench.conditions`.
"""

import importlib
import pkgutil

from builder.assemble.conditions.registry import (
    GRADED_CONDITIONS,
    MEDIA_CONDITIONS,
    TEXT_CONDITIONS,
    Assembly,
)

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["GRADED_CONDITIONS", "MEDIA_CONDITIONS", "TEXT_CONDITIONS", "Assembly"]
