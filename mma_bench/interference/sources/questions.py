"""Multiple-choice questions of a table, with a picture or a sound or without; a small YAML names the columns."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.documents import parse_yaml
from mma_bench.files.hashing import sha256_json
from mma_bench.files.regular import read_inside
from mma_bench.files.settings import validated
from mma_bench.interference import pictures, sounds
from mma_bench.interference.items import Channel, Item, Media
from mma_bench.interference.prompts import LETTERS, prompt_of
from mma_bench.interference.protocol import Protocol, TaskKind
from mma_bench.interference.sources.cells import cell_reader, fingerprint_of
from mma_bench.interference.sources.files import picture_of, sound_of
from mma_bench.interference.sources.found import Found, in_turns
from mma_bench.interference.sources.rows import Rows, column_of, value_of
from mma_bench.parsing._options import compile_options
from mma_bench.schema import Checked

__all__ = ["Columns", "read_columns", "read_questions"]


class Columns(Checked):
    """Which column is what; `a.b` is the field `b` of the column `a`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path | None = Field(default=None, description="the table, relative to this file; without it, --data")
    question: str = Field(description="column of the question")
    options: str | list[str] = Field(description="column of a list of options, or one column per option")
    answer: str = Field(description="column of the right option")
    answer_is: Literal["letter", "index", "index_from_1", "text"] = Field(
        description="what the answer's column holds: a letter from A, a number from 0 or from 1, or the option's text"
    )
    context: str | None = Field(default=None, description="column of a text that belongs before the question")
    picture: str | None = Field(default=None, description="column of a picture: a path, or bytes")
    sound: str | None = Field(default=None, description="column of a sound: a path, or bytes")

    @model_validator(mode="after")
    def _has_options(self) -> Self:
        if not isinstance(self.options, str) and len(self.options) < 2:
            raise ValueError("options: name at least two columns, or one column of lists")
        return self


class _UnusableRowError(Exception):
    """A row that is left out, and why."""


def read_columns(path: Path) -> Columns:
    """Return the file that names the columns.

    Raises:
        MMABenchError: it cannot be read, or is wrong.
    """
    try:
        text = read_inside(path.parent, path.name).decode("utf-8")
        content = parse_yaml(text)
    except (OSError, ValueError) as error:
        raise MMABenchError(f"{path} cannot be read as YAML: {error}; see docs/interference.md") from error
    if not isinstance(content, dict):
        raise MMABenchError(f"{path} names no columns; it needs question, options, answer and answer_is")
    return validated(Columns, content, str(path))


def read_questions(rows: Rows, columns: Columns, protocol: Protocol, limit: int | None) -> Found:
    """Return the questions of a table.

    Args:
        rows: the table.
        columns: which column is what.
        protocol: wording.
        limit: maximum number of questions.

    Raises:
        MMABenchError: a column does not exist, or no row can be used.
    """
    used = [columns.question, columns.answer, columns.context, columns.picture, columns.sound]
    used += [columns.options] if isinstance(columns.options, str) else columns.options
    for name in used:
        if name is not None and column_of(rows, name) not in rows.columns:
            raise MMABenchError(unknown(f"{rows.where} has no column", name, rows.columns))
    media = [name for name in (columns.picture, columns.sound) if name]
    fingerprint = fingerprint_of(rows, media, max(pictures.MAX_BYTES, sounds.MAX_BYTES))
    found = Found("table of questions", fingerprint, columns=columns.model_dump(mode="json", exclude={"file"}))
    for _, number in in_turns({"": range(len(rows))}, protocol.seed):
        try:
            found.items.append(_item(rows, number, columns, protocol))
        except _UnusableRowError as error:
            found.skipped.add(f"row {number}", str(error))
        if len(found.items) == limit:
            break
    if not found.items:
        raise MMABenchError(f"{rows.where}: no row can be used ({'; '.join(found.skipped.lines()[:3])})")
    return found


def _item(rows: Rows, number: int, columns: Columns, protocol: Protocol) -> Item:
    question, options, answer = _words(rows, number, columns)
    picture, sound, seconds = _media(rows, number, columns, protocol)
    has_media = picture is not None or sound is not None
    kind = TaskKind.BOTH if has_media else TaskKind.TEXT
    channels: list[Channel] = ["text"] if has_media else []
    channels += ["picture"] if picture is None else []
    channels += ["sound"] if sound is None else []
    clean = {"silence"} if sound is None else set()
    clean |= {"black"} if kind is TaskKind.BOTH and picture is None else set()
    clean |= {"noise"} if kind is TaskKind.TEXT else set()
    # The paper's clean reference of a text-heavy task is a picture of noise.
    nothing = pictures.noise(f"{protocol.seed}/{number}", 1.0) if kind is TaskKind.TEXT else pictures.plain(0)
    wording = protocol.wording[kind]
    return Item(
        item_id=f"row_{number}",
        cluster=_cluster(number, picture, sound),
        kind=kind,
        parts=prompt_of(wording, options, question),
        options=options,
        answer=answer,
        lettered=wording.lettered,
        picture=picture or nothing,
        sound=sound or sounds.silence(),
        seconds=seconds,
        irrelevant=frozenset(channels),
        misleading=wording.misleading,
        clean=frozenset(clean),
    )


def _cluster(number: int, picture: Media | None, sound: Media | None) -> str:
    """Return what answers depend on each other by: the same picture and sound, else the row."""
    names = [media.name if media else None for media in (picture, sound)]
    return f"media_{sha256_json(names)[:16]}" if any(names) else f"row_{number}"


def _words(rows: Rows, number: int, columns: Columns) -> tuple[str, list[str], str]:
    names = [columns.question, columns.answer, *([columns.context] if columns.context else [])]
    names += [columns.options] if isinstance(columns.options, str) else columns.options
    row = rows.row(number, sorted({column_of(rows, name) for name in names}))
    question = _text(row, columns.question, "question")
    if columns.context and (context := str(value_of(row, columns.context) or "").strip()):
        question = f"{context}\n{question}"
    if isinstance(columns.options, str):
        listed = value_of(row, columns.options)
        if not isinstance(listed, list):
            raise _UnusableRowError("has no list of options")
    else:
        listed = [value_of(row, name) for name in columns.options]
    cells = [_option(one) for one in listed]
    # The answer counts blank cells; only afterwards can they be left out.
    place = _right(value_of(row, columns.answer), columns.answer_is, cells)
    if not cells[place]:
        raise _UnusableRowError("has an answer that is a blank option")
    if columns.answer_is != "text" and not all(cells[:place]):
        raise _UnusableRowError("has a blank option before the right one, so its answer may be counted with or without")
    given = [one for one in cells if one]
    if not 2 <= len(given) <= len(LETTERS):
        raise _UnusableRowError("has fewer than two options, or too many")
    try:
        compile_options(given, None)
    except MMABenchError as error:
        raise _UnusableRowError("has options that no answer could tell apart") from error
    if not all(map(_is_text, (question, *given))):
        raise _UnusableRowError("has a character that is none (half of a surrogate pair)")
    return question, given, cells[place]


def _option(cell: Any) -> str:
    """Return an option as text, empty if the cell is."""
    return "" if cell is None or cell != cell else str(cell).strip()  # noqa: PLR0124  (nan is what it is not)


def _is_text(text: str) -> bool:
    """Return whether ``text`` can be written as UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _right(value: Any, form: str, options: Sequence[str]) -> int:
    """Return the place of the right option among all cells, blank ones included."""
    place = -1
    text = _option(value)
    if form == "letter" and re.fullmatch("[A-Za-z]", text):
        place = LETTERS.index(text.upper())
    elif form in ("index", "index_from_1") and re.fullmatch("[0-9]{1,3}", text):
        place = int(text) - (form == "index_from_1")
    elif form == "text":
        place = options.index(text) if text in options else -1
    if not 0 <= place < len(options):
        raise _UnusableRowError("has an answer that is none of its options")
    return place


def _media(rows: Rows, number: int, columns: Columns, protocol: Protocol) -> tuple[Media | None, Media | None, float]:
    picture, sound, seconds, source = None, None, protocol.still_seconds, f"row_{number}"
    try:
        if columns.sound:
            read = cell_reader(rows, number, columns.sound, sounds.MAX_BYTES)
            sound, seconds = sound_of(read(), read, protocol, None, source)
        if columns.picture:
            read = cell_reader(rows, number, columns.picture, pictures.MAX_BYTES)
            picture = picture_of(read(), read, protocol, None, source)
    except MMABenchError as error:
        raise _UnusableRowError(str(error)) from error
    except OSError as error:
        raise _UnusableRowError(f"has a file that cannot be read: {error.strerror or error}") from error
    return picture, sound, seconds


def _text(row: dict[str, Any], name: str, what: str) -> str:
    value = value_of(row, name)
    if not isinstance(value, str) or not value.strip():
        raise _UnusableRowError(f"has no {what}")
    return value.strip()
