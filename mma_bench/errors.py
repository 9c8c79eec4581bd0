"""The one exception that a user is meant to read, and how it names what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

from mma_bench.files.text import escaped

_LONGEST = 2000
_LISTED = 40
"""Names that one line lists; a dataset may have hundreds."""


class MMABenchError(Exception):
    """Something outside the program is wrong: an input, a setting, a missing package, a full disk.

    The message says what is wrong, where (file, row, clip id) and what to do. Command lines print it
    as one line on standard error and exit with code 2.

    The message is made one line here, whatever it quotes: pydantic, Arrow and ffmpeg write several, and a name from a
    dataset can hold characters that move a terminal's cursor.
    """

    def __init__(self, message: object = "") -> None:
        text = " ".join(line.strip() for line in str(message).splitlines() if line.strip()).replace("\t", " ")
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST - 400]} ... {text[-380:]}"
        super().__init__(escaped(text))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'NAME'?` for the known name closest to ``name``, or nothing if none is close.

    Args:
        name: what was written.
        known: what may be written.
    """
    spelled = {each.casefold(): each for each in known}
    close = get_close_matches(name.casefold(), spelled, n=1, cutoff=0.6)
    return f"; did you mean {spelled[close[0]]!r}?" if close else ""


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return a message such as `unknown condition 'algined'; did you mean 'aligned'? Known: aligned, ...`.

    Args:
        what: kind of name, with a verb where needed: `unknown condition`, `FOLDER has no condition`.
        name: what was written.
        known: what may be written, in the order to list it.
    """
    names = list(known)
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    meant = did_you_mean(name, names)
    return f"{what} {name!r}{meant}{'' if meant else ';'} {'Known' if meant else 'known'}: {listed}"
