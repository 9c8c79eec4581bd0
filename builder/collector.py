"""Python's garbage collector during work on very many rows."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_OBJECTS = 20_000
"""Objects that a collection waits for, instead of 700."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Let the collector work rarely, and not on what was there before the block.

    It walks everything again whenever enough new objects have come, and the modules that a build imports are half a
    million objects: at two million clips, that took 40% of the time of a stage. Rows have no cycles, so what they take
    is freed without it.
    """
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
