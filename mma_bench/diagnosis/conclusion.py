"""From what was measured to the numbers, the figures and the page, of all parts of a diagnosis."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mma_bench.diagnosis.asked import Asked
from mma_bench.diagnosis.comparison import Other, missing
from mma_bench.diagnosis.numbers import Number, numbers_table
from mma_bench.diagnosis.page import write_page
from mma_bench.diagnosis.parts.choice import chosen_parts, installed
from mma_bench.diagnosis.parts.tokens import Tokens
from mma_bench.diagnosis.registry import Measured, Part
from mma_bench.diagnosis.samples import show_samples
from mma_bench.diagnosis.store import ESTIMATES, Diagnosis, Store
from mma_bench.files.atomic import write_bytes

if TYPE_CHECKING:
    import pyarrow as pa


def conclude(store: Store, head: Diagnosis, measured: Measured, asked: Asked, other: Other | None) -> list[Number]:
    """Compute the numbers of all parts that were measured, now or earlier, and write them, the figures and the page.

    All are about the same stimuli: a part that was not measured for all of them is left out, and the page says so.

    Args:
        store: the folder.
        head: what was asked of whom.
        measured: the tables of this command's parts.
        asked: the stimuli.
        other: another diagnosis to compare with.
    """
    tables = dict(measured.tables)
    measured = replace(measured, tables=tables)
    kinds, notes = _complete(store, head, measured, tables, list(asked.names.values()))
    for note in notes:
        print(f"note: {note}", file=sys.stderr, flush=True)
    numbers = []
    for kind in kinds:
        one = kind()
        numbers += one.numbers(measured)
        if other and not missing(kind, other.measured):
            numbers += one.changes(other.measured, measured)
        for name, content in one.files(measured).items():
            write_bytes(store.folder / name, content)
    store.write(ESTIMATES, numbers_table(numbers))
    tokens = Tokens()
    samples = (
        show_samples(lambda key: store.read(tokens, asked.names[key]), asked.benchmark, store.folder)
        if Tokens in kinds
        else []
    )
    if other and (lacking := other.note(head)):
        notes.append(lacking)
    write_page(store.folder, head, kinds, numbers, samples, other, notes)
    return numbers


def _complete(
    store: Store, head: Diagnosis, measured: Measured, tables: "dict[str, pa.Table]", names: Sequence[str]
) -> tuple[list[type[Part]], list[str]]:
    """Read the tables of earlier commands, and return the parts that are complete and why others are left out."""
    known = installed(head.parts)
    notes = [f"the part {name} is left out: no installed package has it" for name in head.parts if name not in known]
    kinds: list[type[Part]] = []
    for kind in chosen_parts(known) if known else []:
        one = kind()
        if absent := missing(kind, measured, own=False):
            notes.append(f"the part {kind.name} is left out: it needs {', '.join(absent)}")
            store.forget(one)
            continue
        if kind.measures and kind.name not in tables:
            one.prepare(measured)
            left = sum(not store.has(one, name) for name in names)
            if left:
                notes.append(
                    f"the part {kind.name} is left out: {left} of {len(names)} stimuli are not measured; run the same "
                    f"command with --part {kind.name}"
                )
                store.forget(one)
                continue
            tables[kind.name] = store.gather(one, names)
        kinds.append(kind)
    return kinds, notes
