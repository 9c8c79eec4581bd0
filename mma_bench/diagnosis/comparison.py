"""Another diagnosis of the same questions, such as of the model before tuning."""

from dataclasses import dataclass
from pathlib import Path

from mma_bench.diagnosis.numbers import Number, numbers_of
from mma_bench.diagnosis.registry import PARTS, Measured
from mma_bench.diagnosis.store import Diagnosis, Store, open_diagnosis
from mma_bench.errors import MMABenchError


@dataclass(frozen=True)
class Other:
    """A finished diagnosis to compare with.

    Attributes:
        label: name of its folder.
        head: what was asked of whom.
        measured: its tables.
        numbers: its numbers.
    """

    label: str
    head: Diagnosis
    measured: Measured
    numbers: list[Number]


def open_other(folder: Path, head: Diagnosis) -> Other:
    """Return the diagnosis in ``folder``.

    Raises:
        MMABenchError: there is none, it is not finished, or it asked other questions than ``head``.
    """
    earlier = open_diagnosis(folder)
    asked = ((one.data_sha256, one.split, one.protocol_sha256, sorted(one.conditions)) for one in (earlier, head))
    if len({str(each) for each in asked}) > 1:
        raise MMABenchError(
            f"{folder} asked other questions: data, split, conditions and protocol must be the same to compare two "
            "diagnoses; make it again with the same options"
        )
    store = Store(folder)
    found = {kind.name: store.finished(kind) for kind in PARTS.values() if kind.measures}
    tables = {name: table for name, table in found.items() if table is not None}
    measured = Measured(tables, earlier.layers, earlier.heads, earlier.seed)
    return Other(folder.name, earlier, measured, numbers_of(store.estimates()))
