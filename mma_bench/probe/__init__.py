"""Do video and audio reach the model? Checked before every evaluation, because servers have silently dropped audio."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_bench.probe.findings import Finding, Probe, Verdict
    from mma_bench.probe.reach import checked_reach, probe, require_reach, unclear_note
    from mma_bench.probe.record import read_probe, record_probe

__all__ = [
    "Finding",
    "Probe",
    "Verdict",
    "checked_reach",
    "probe",
    "read_probe",
    "record_probe",
    "require_reach",
    "unclear_note",
]

_HOMES = {
    "Finding": "findings",
    "Probe": "findings",
    "Verdict": "findings",
    "probe": "reach",
    "read_probe": "record",
    "record_probe": "record",
    "checked_reach": "reach",
    "require_reach": "reach",
    "unclear_note": "reach",
}


def __getattr__(name: str) -> Any:
    # Late, so that `mma-bench --help`, which imports `mma_bench.cli.probe`, does not load the readers.
    if name in _HOMES:
        return getattr(importlib.import_module(f"mma_bench.probe.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mma_bench.probe' has no attribute {name!r}")
