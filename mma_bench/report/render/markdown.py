"""A table as Markdown, which also reads well in a terminal."""

from mma_bench.files.text import visible
from mma_bench.report.render.text import number_text
from mma_bench.report.table import Entry, Share, Table

_ENTITIES = {character: f"&#{ord(character)};" for character in "&<>|`[]\\~"} | {"*": "\\*"}


def markdown(table: Table, *, intervals: bool = True) -> str:
    """Return ``table``; columns of one group are joined by slashes, as the paper prints `visual / audio`.

    Args:
        table: what to show.
        intervals: write them after the numbers, where columns are not joined.
    """
    places: list[list[int]] = []
    for number in range(len(table.columns)):
        if table.begins_group(number):
            places.append([])
        places[-1].append(number)
    is_joined = any(len(group) > 1 for group in places)

    def line(name: str, entries: list[str]) -> str:
        return f"| {markdown_text(name)} | {' | '.join(' / '.join(entries[i] for i in group) for group in places)} |"

    lines = [
        f"| {markdown_text(table.head)} | {' | '.join(_head(table, group) for group in places)} |",
        f"|---|{'---:|' * len(places)}",
    ]
    lines += [
        line(row.name, [_entry(entry, intervals and not is_joined) for entry in row.entries]) for row in table.rows
    ]
    if table.notes:
        lines += ["", *(f"{markdown_text(note)}  " for note in table.notes)]
    return "\n".join(lines) + "\n"


def markdown_text(text: str) -> str:
    """Return ``text`` so that it can neither break a Markdown table nor be read as a link, an image or HTML."""
    return "".join(_ENTITIES.get(character, character) for character in visible(text, one_line=True))


def _head(table: Table, group: list[int]) -> str:
    first = table.columns[group[0]]
    heads = " / ".join(table.columns[i].head for i in group)
    return markdown_text(f"{first.group} ({heads})" if first.group else heads)


def _entry(entry: Entry, intervals: bool) -> str:
    text = markdown_text(number_text(entry))
    if not isinstance(entry, Share):
        return text
    if entry.best:
        text = f"**{text}**"
    text += entry.marks.replace("*", "\\*") if entry.best else entry.marks
    return f"{text} ({entry.interval})" if intervals and entry.interval else text
