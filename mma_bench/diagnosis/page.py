"""The page of a diagnosis, its figures and its tables."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mma_bench.diagnosis.comparison import Other
from mma_bench.diagnosis.drawing import clips_of, in_order
from mma_bench.diagnosis.numbers import Number, Series
from mma_bench.diagnosis.parts.choice import chosen_parts
from mma_bench.diagnosis.registry import Part
from mma_bench.diagnosis.samples import Shown
from mma_bench.diagnosis.store import PAGE, Diagnosis
from mma_bench.evaluation.protocols.protocol import NAMES
from mma_bench.files.atomic import atomic_folder, write_text
from mma_bench.files.text import visible
from mma_bench.report.render.files import write_tables
from mma_bench.report.render.html import render
from mma_bench.report.table import Column, Row, Table, in_words

if TYPE_CHECKING:
    from mma_bench.drawing.panels import Plot


def write_page(
    folder: Path,
    head: Diagnosis,
    kinds: Sequence[type[Part]],
    numbers: Sequence[Number],
    samples: Sequence[Sequence[Shown]],
    other: Other | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write `index.html`, `figures/` and `tables/`.

    Args:
        folder: of the diagnosis.
        head: what was asked of whom.
        kinds: the parts to show, in order.
        numbers: their numbers.
        samples: questions to show, by stimulus.
        other: another diagnosis, shown before this one in every figure for which both have numbers.
        notes: what the page says first.
    """
    from markupsafe import Markup

    plots: list[Plot] = []
    for kind in kinds:
        own = _series(folder.name, head, kind, numbers)
        before = [_series(other.label, other.head, kind, other.numbers)] if other else []
        if own.numbers:
            plots += kind().plots([*(one for one in before if one.numbers), own])
    tables = [table for kind in kinds if (table := _table(kind, head, numbers))]
    with atomic_folder(folder / "figures", replace=True) as figures:
        for plot in plots:
            plot.export(figures)
    with atomic_folder(folder / "tables", replace=True) as staged:
        write_tables(tables, staged)
    page = render(
        "diagnosis.html.jinja",
        styles=["palette.css", "style.css", "diagnosis.css"],
        scripts=["page.js", "frames.js"],
        head=head,
        plots=plots,
        drawings=[[Markup(svg) for svg in plot.inline()] for plot in plots],  # noqa: S704  (matplotlib escapes)
        samples=samples,
        tables=tables,
        files=[kind.name for kind in kinds if kind.measures],
        other=other,
        warnings=notes,
        command=command_of(head, kinds, folder),
    )
    write_text(folder / PAGE, page)


def _series(label: str, head: Diagnosis, kind: type[Part], numbers: Sequence[Number]) -> Series:
    own = tuple(number for number in numbers if number.part == kind.name)
    return Series(visible(label, one_line=True), head.layers, own)


def command_of(head: Diagnosis, kinds: Sequence[type[Part]], folder: Path) -> str:
    """Return the command that makes a diagnosis again, with the parts that the page shows."""
    words = ["mma-bench", "diagnose", "--data", Path(head.data).name, "--model", head.model, "--run", folder.name]
    for name, value in head.options.items():
        words += ["--model-option", f"{name}={Path(value).name if name == 'head_gain' else value}"]
    names = [kind.name for kind in kinds]
    if names != [kind.name for kind in chosen_parts(None)]:
        words += [word for name in names for word in ("--part", name)]
    words += [word for name in head.conditions for word in ("--condition", name)]
    if head.protocol != "paper":
        words += ["--protocol", head.protocol if head.protocol in NAMES else f"{head.protocol}.yaml"]
    if head.split != "test":
        words += ["--split", head.split]
    if head.limit is not None:
        words += ["--limit", str(head.limit)]
    if head.seed:
        words += ["--seed", str(head.seed)]
    if head.against:
        words += ["--against", Path(head.against).name]
    return visible(shlex.join(words), one_line=True)


def _table(kind: type[Part], head: Diagnosis, numbers: Sequence[Number]) -> Table | None:
    """Return the numbers of a part as a table with a column per layer."""
    own = [number for number in numbers if number.part == kind.name]
    if not own:
        return None
    layers = sorted({number.layer for number in own})
    values = {(_name(number), number.layer): number.text for number in own}
    return Table(
        name=kind.name,
        title=f"{in_words(kind.name).capitalize()}: {kind.help}",
        caption=f"{kind.intervals} over {clips_of(own)}. {kind.caution}".strip(),
        head="what",
        columns=[Column("all layers, or none" if layer < 0 else f"layer {layer}") for layer in layers],
        rows=[Row(name, [values.get((name, layer)) for layer in layers]) for name in in_order([_name(n) for n in own])],
    )


def _name(number: Number) -> str:
    where = [number.condition.replace("_", " "), f"{number.modality} question" if number.modality else ""]
    about = ", ".join(part for part in (*where, number.group, number.detail) if part)
    return visible(f"{number.quantity}: {about}" if about else number.quantity, one_line=True)
