"""Text of unknown origin, made fit to be shown: every character visible, and never endless."""

import unicodedata
from dataclasses import dataclass

_KEPT = frozenset("\n\t\u200c\u200d")  # joiners belong to the spelling of words and emoji
_LONG = 1_600
_EDGE = 300


@dataclass(frozen=True)
class Excerpt:
    """A text, or its two ends.

    Attributes:
        head: the whole text, or its first characters.
        omitted: how many characters are left out.
        tail: its last characters, if any are left out.
        length: characters of the whole text.
    """

    head: str
    omitted: int
    tail: str
    length: int


def excerpt(text: str) -> Excerpt:
    """Return ``text``, or the first and the last 300 characters of a long one."""
    if len(text) <= _LONG:
        return Excerpt(visible(text), 0, "", len(text))
    return Excerpt(visible(text[:_EDGE]), len(text) - 2 * _EDGE, visible(text[-_EDGE:]), len(text))


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
