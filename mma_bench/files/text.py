"""Text of unknown origin, made fit to be shown: in a terminal, on a page, in a spreadsheet, in a prompt."""

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Sequence

_KEPT = frozenset("\n\t\u200c\u200d")  # joiners belong to the spelling of words and emoji
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LINE_ENDS = frozenset("\x7f\x85\u2028\u2029")  # JSON leaves them as they are, some readers end a line at them


def visible(text: str, *, one_line: bool = False) -> str:
    """Return ``text`` with its invisible characters written out, such as `[U+202E]`.

    Those are control characters; format characters, which can reverse the order of the text around them;
    halves of surrogate pairs, which cannot be encoded; and what Unicode does not define.

    Args:
        text: anything.
        one_line: write out line breaks and tabs too.
    """
    unified = text.replace("\r\n", "\n")
    return "".join(
        char
        if char.isprintable() or unicodedata.category(char) == "Zs" or (char in _KEPT and not one_line)
        else f"[U+{ord(char):04X}]"
        for char in unified
    )


def one_line(text: object, longest: int | None = None, *, hidden: str = "") -> str:
    """Return ``text`` on one line, with single spaces between words and without characters that cannot be seen.

    Args:
        text: anything.
        longest: characters to keep; a longer text ends in `…`.
        hidden: what stands for a character that cannot be seen.
    """
    shown = "".join(char if char.isprintable() else " " if char.isspace() else hidden for char in str(text))
    line = " ".join(shown.split())
    return line if longest is None or len(line) <= longest else f"{line[: longest - 1]}…"


def escaped(text: str) -> str:
    """Return ``text`` with the characters that cannot be seen as escapes, such as `\\x1b`."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shown(text: str, longest: int = 120) -> str:
    """Return ``text`` in quotes, in ASCII with everything else as escapes, and cut.

    For names whose exact characters matter: two that look alike are told apart.
    """
    return ascii(text if len(text) <= longest else text[: longest - 3] + "...")


def json_literal(value: object) -> str:
    """Return ``value`` as JSON that can end neither its string nor its line, and that UTF-8 can encode."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", errors="backslashreplace").decode("utf-8")
    return "".join(f"\\u{ord(char):04x}" if char in _LINE_ENDS else char for char in text)


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return lines of CSV in which a spreadsheet finds no formula (see `csv_cell`)."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([csv_cell(value) for value in row])
    return target.getvalue()


def csv_cell(value: object) -> object:
    """Return ``value`` for a cell of a CSV file.

    Text is made `visible`, with an apostrophe before what a spreadsheet would take for a formula. Numbers with a
    fraction have six decimals.
    """
    if isinstance(value, float):
        return round(value, 6)
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
