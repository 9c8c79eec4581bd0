"""Another diagnosis of the same questions, such as of the model before tuning."""

from dataclasses import dataclass
from pathlib import Path

from mma_bench.diagnosis.numbers import Number, numbers_of
from mma_bench.diagnosis.parts.choice import chosen_parts, installed
from mma_bench.diagnosis.registry import PARTS, Measured, Part
from mma_bench.diagnosis.store import FORMAT, Diagnosis, Store, open_diagnosis
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

    def note(self, head: Diagnosis) -> str | None:
        """Return which parts of ``head`` cannot be compared with this diagnosis, as a sentence; none if all can."""
        kinds = chosen_parts(installed(head.parts))
        absent = [kind.name for kind in kinds if missing(kind, self.measured)]
        return f"the diagnosis {self.label} lacks {', '.join(absent)}: not compared" if absent else None


def missing(kind: type[Part], measured: Measured, *, own: bool = True) -> list[str]:
    """Return the tables that the numbers of a part need and that are not there.

    Args:
        kind: the part.
        measured: the tables.
        own: whether its own table counts.
    """
    needed = [*kind.reads, *([kind.name] if own and kind.measures else [])]
    return [name for name in needed if name not in measured.tables]


def check_other(folder: Path, head: Diagnosis) -> Diagnosis:
    """Return the head of the diagnosis in ``folder``, if it can be compared.

    Raises:
        MMABenchError: there is none, it is not finished, or it asked other questions than ``head``.
    """
    earlier = open_diagnosis(folder)
    asked = [[*one.selection, one.clips, one.questions] for one in (earlier, head)]
    if asked[0] != asked[1]:
        raise MMABenchError(
            f"{folder} asked other questions: data, split, conditions, protocol and limit must be the same to compare "
            "two diagnoses; make it again with the same options"
        )
    if earlier.format != FORMAT:
        raise MMABenchError(f"{folder} was made by an earlier version; make it again with the same options")
    if not Store(folder).is_finished:
        raise MMABenchError(f"{folder} is not finished; run its command again, or give another --against")
    return earlier


def open_other(folder: Path, head: Diagnosis) -> Other:
    """Return the diagnosis in ``folder``.

    Raises:
        MMABenchError: as `check_other`, or a table is damaged.
    """
    earlier, store = check_other(folder, head), Store(folder)
    found = {kind.name: store.finished(kind()) for kind in PARTS.values() if kind.measures}
    tables = {name: table for name, table in found.items() if table is not None}
    measured = Measured(tables, earlier.layers, earlier.heads, earlier.seed)
    return Other(folder.name, earlier, measured, numbers_of(store.estimates()))
