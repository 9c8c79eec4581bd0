"""Answers of models, cut to a length that a page can show."""

from dataclasses import dataclass

from mma_bench.files.text import visible

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
