"""Which streams a stimulus is made of, and how the text around its questions is changed.

Conditions are defined in `mma_bench.conditions`; `registry` turns them into choices of files. Those in levels encode
streams, so they are here, each in one file with a decorated function, with an entry in `mma_bench.schema.CONDITIONS`.
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
