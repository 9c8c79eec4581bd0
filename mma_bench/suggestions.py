"""What to say when a name is not known: the name that was probably meant, and what there is."""

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 40
"""Names that one line lists; a dataset may have hundreds."""


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
