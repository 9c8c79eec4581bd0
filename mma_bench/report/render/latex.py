"""A table for a paper: LaTeX with booktabs, where nothing that a model says is a command."""

import re

from mma_bench.files.text import visible
from mma_bench.report.render.text import number_text
from mma_bench.report.table import Entry, Share, Table

_COMMANDS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "[": "{[}",  # a name that begins with one would be an option of the line break before it
    "]": "{]}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",  # two would be a dash
    "–": "--",
    "†": r"\textdagger{}",
    "*": r"\textasteriskcentered{}",
}


def latex(table: Table) -> str:
    """Return ``table`` as a `table` environment; it needs the package `booktabs` and the encoding T1."""
    width = len(table.columns)
    lines = [
        "% \\usepackage{booktabs} \\usepackage[T1]{fontenc}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(f'{table.title}. {table.caption}')}}}",
        rf"\label{{tab:{re.sub('[^A-Za-z0-9]', '-', table.name)}}}",
        rf"\begin{{tabular}}{{l{'r' * width}}}",
        r"\toprule",
    ]
    if any(column.group for column in table.columns):
        lines += _groups(table)
    heads = [latex_text(table.head)] + [latex_text(column.head) for column in table.columns]
    lines += [" & ".join(heads) + r" \\", r"\midrule"]
    kind = table.rows[0].kind if table.rows else "model"
    for row in table.rows:
        if row.kind != kind:
            lines.append(r"\midrule")
            kind = row.kind
        lines.append(" & ".join([latex_text(row.name), *(_entry(entry) for entry in row.entries)]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip\footnotesize {latex_text(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}", ""])


def latex_text(text: str) -> str:
    """Return ``text`` so that LaTeX prints it and obeys none of it."""
    return "".join(_COMMANDS.get(character, character) for character in visible(text, one_line=True))


def _groups(table: Table) -> list[str]:
    heads, rules, place = [""], [], 2
    for group, span in table.groups:
        heads.append(rf"\multicolumn{{{span}}}{{c}}{{{latex_text(group)}}}")
        if group:
            rules.append(rf"\cmidrule(lr){{{place}-{place + span - 1}}}")
        place += span
    return [" & ".join(heads) + r" \\", " ".join(rules)]


def _entry(entry: Entry) -> str:
    text = latex_text(number_text(entry))
    if not isinstance(entry, Share):
        return text
    if entry.best:
        text = rf"\textbf{{{text}}}"
    if entry.marks:
        text += rf"\textsuperscript{{{latex_text(entry.marks)}}}"
    return rf"{text} {{\scriptsize[{latex_text(entry.interval)}]}}" if entry.interval else text
