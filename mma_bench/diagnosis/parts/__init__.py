"""The parts of a diagnosis, one file each."""

import importlib

_OURS = ("tokens", "attention", "cohens_d", "knockout", "lens", "patching", "heads", "repair")


def load_parts() -> None:
    """Register our parts, in the order in which a page shows them."""
    for name in _OURS:
        importlib.import_module(f"mma_bench.diagnosis.parts.{name}")
