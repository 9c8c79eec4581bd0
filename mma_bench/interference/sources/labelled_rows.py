"""Image and audio classification datasets of Hugging Face, from a folder."""

from collections.abc import Iterator
from typing import Any

from mma_bench.console.progress import bar
from mma_bench.errors import MMABenchError, unknown
from mma_bench.interference import pictures, sounds
from mma_bench.interference.items import Item
from mma_bench.interference.protocol import Protocol, TaskKind
from mma_bench.interference.sources.cells import cell_reader, fingerprint_of
from mma_bench.interference.sources.class_items import ClassQuestions
from mma_bench.interference.sources.files import picture_of, sound_of
from mma_bench.interference.sources.found import Found, in_turns
from mma_bench.interference.sources.rows import Rows

_LABELS = ("label", "labels", "fine_label", "class", "category", "target")


def read_labelled_rows(rows: Rows, protocol: Protocol, limit: int | None, *, progress: bool) -> Found:
    """Return a question about each row of a classification dataset, a class after the other.

    Args:
        rows: the dataset; one column has pictures or sounds, another the class.
        protocol: options and wording.
        limit: maximum number of rows.
        progress: show progress on standard error.

    Raises:
        MMABenchError: there are no such columns, or too few classes.
    """
    column = next(iter(rows.kinds), None)
    if column is None:
        raise MMABenchError(
            f"{rows.where} has no column of pictures or sounds (columns: {', '.join(rows.columns)}); for questions "
            "with options give --columns FILE.yaml, see docs/interference.md"
        )
    label = _label_column(rows)
    groups: dict[str, list[int]] = {}
    largest = pictures.MAX_BYTES if rows.kinds[column] == "image" else sounds.MAX_BYTES
    fingerprint = fingerprint_of(rows, [column], largest)
    found = Found(f"classification dataset ({column}, {label})", fingerprint)
    for number, value in enumerate(rows.column(label)):
        name = _name(rows, label, value)
        if name is None:
            found.skipped.add(f"row {number}", f"has no class in the column {label}")
        else:
            groups.setdefault(name, []).append(number)
    questions = ClassQuestions(protocol, sorted(groups), rows.where)
    total = min(limit or len(rows), len(rows))
    with bar(f"reading {column}", total, unit="row", show=progress) as shown:
        for item in _items(rows, column, groups, questions, protocol, found):
            found.items.append(item)
            shown.update()
            if len(found.items) == limit:
                break
    if not found.items:
        raise MMABenchError(f"{rows.where}: no row can be used ({'; '.join(found.skipped.lines()[:3])})")
    return found


def _items(
    rows: Rows, column: str, groups: dict[str, list[int]], questions: ClassQuestions, protocol: Protocol, found: Found
) -> Iterator[Item]:
    is_seen = rows.kinds[column] == "image"
    for name, number in in_turns(groups, protocol.seed):
        read = cell_reader(rows, number, column, pictures.MAX_BYTES if is_seen else sounds.MAX_BYTES)
        source, label = f"row_{number}", questions.shown(name)
        try:
            if is_seen:
                media, seconds = picture_of(read(), read, protocol, label, source), protocol.still_seconds
            else:
                media, seconds = sound_of(read(), read, protocol, label, source)
        except MMABenchError as error:
            found.skipped.add(f"row {number}", str(error))
        except OSError as error:
            found.skipped.add(f"row {number}", f"cannot be read: {error.strerror or error}")
        else:
            yield questions.item(TaskKind.VISUAL if is_seen else TaskKind.AUDIO, name, media, source, seconds)


def _label_column(rows: Rows) -> str:
    known = [name for name in (*rows.classes, *_LABELS) if name in rows.columns]
    if not known:
        raise MMABenchError(f"{rows.where}: {unknown('there is no column', 'label', rows.columns)}")
    return known[0]


def _name(rows: Rows, column: str, value: Any) -> str | None:
    names = rows.classes.get(column)
    if names is not None and isinstance(value, int):
        return names[value] if 0 <= value < len(names) else None
    return str(value).strip() or None if value is not None else None
