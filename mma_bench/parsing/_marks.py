"""Ticked boxes: "[x] Cat", "☑ Cat", "✅ Cat" choose, "[ ] Dog", "☐ Dog", "❌ Dog" do not."""

import re
from dataclasses import dataclass

_MARK = re.compile(r"\[[xX✓✔ ]\]|[☑☒☐✅✔✓❌✗✘⬜🔲🟩🟥❎]\ufe0f?")
_TICKED = frozenset("xX✓✔☑✅🟩")
_CROSSED = frozenset("☒")
_VISIBLE = re.compile(r"\w")
_MOST = 200  # marks that are read; a list of options has fewer


@dataclass(frozen=True, slots=True)
class Marked:
    """The marked parts of a text.

    Attributes:
        ticked: texts with a tick.
        others: texts with an empty box or a cross.
        before: the lines before the first mark.
        unmarked: the text without the marked parts.
    """

    ticked: list[str]
    others: list[str]
    before: str
    unmarked: str


def marked(text: str) -> Marked | None:
    """Return the marked parts of ``text``, or None if there are none.

    A mark belongs to the text after it in its line, or to the text before it if lines end with marks.
    """
    if text.isascii() and "[" not in text:
        return None
    marks = list(_MARK.finditer(text))[:_MOST]
    if not marks:
        return None
    line = text.rfind("\n", 0, marks[0].start()) + 1
    leads = not _VISIBLE.search(text[line : marks[0].start()])
    # A crossed box is a vote, as on a ballot, unless others are ticked.
    chosen = _TICKED if any(not _TICKED.isdisjoint(mark[0]) for mark in marks) else _CROSSED
    ticked: list[str] = []
    others: list[str] = []
    unmarked = text[:line]
    for number, mark in enumerate(marks):
        if leads:
            end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
            content, _, rest = text[mark.end() : end].partition("\n")
        else:
            begin = marks[number - 1].end() if number else 0
            rest, _, content = text[begin : mark.start()].rpartition("\n")
        unmarked += f"\n{rest}"
        if _VISIBLE.search(content):
            (ticked if not chosen.isdisjoint(mark[0]) else others).append(content)
    if not leads:
        unmarked += text[marks[-1].end() :]
    return Marked(ticked, others, text[:line], unmarked) if ticked or others else None
