"""Ticked boxes: "[x] Cat", "☑ Cat", "✅ Cat" choose, "[ ] Dog", "☐ Dog", "❌ Dog" do not."""

import re

_MARK = re.compile(r"\[[xX✓✔ ]\]|[☑☒☐✅✔✓❌✗✘⬜🔲🟩🟥❎]\ufe0f?")
_TICKED = frozenset("xX✓✔☑✅🟩")
_CROSSED = frozenset("☒")
_VISIBLE = re.compile(r"\w")
_MOST = 200  # marks that are read; a list of options has fewer


def marked(text: str) -> tuple[list[str], list[str]] | None:
    """Return what stands by a tick and what stands by an empty box or a cross; None where nothing is marked.

    A mark belongs to what follows it in its line, or to what stands before it where lines end in marks.
    """
    if text.isascii() and "[" not in text:
        return None
    marks = list(_MARK.finditer(text))[:_MOST]
    if not marks:
        return None
    line = text.rfind("\n", 0, marks[0].start()) + 1
    leads = not _VISIBLE.search(text[line : marks[0].start()])
    # A crossed box is a vote on a ballot, unless others are ticked.
    chosen = _TICKED if any(not _TICKED.isdisjoint(mark[0]) for mark in marks) else _CROSSED
    ticked: list[str] = []
    others: list[str] = []
    for number, mark in enumerate(marks):
        if leads:
            end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
            content = text[mark.end() : end].split("\n", 1)[0]
        else:
            begin = marks[number - 1].end() if number else 0
            content = text[begin : mark.start()].rsplit("\n", 1)[-1]
        if _VISIBLE.search(content):
            (ticked if not chosen.isdisjoint(mark[0]) else others).append(content)
    return (ticked, others) if ticked or others else None
