"""The page of a run, its figure and its tables."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mma_bench.drawing.panels import Plot
from mma_bench.files.atomic import atomic_folder, write_text
from mma_bench.files.text import visible
from mma_bench.interference.against import Difference, Other, Shared
from mma_bench.interference.decisions import Decision
from mma_bench.interference.figures import effects_plot
from mma_bench.interference.protocol import KINDS, TaskKind, load_protocol
from mma_bench.interference.results import Effect, Results, results_of
from mma_bench.interference.rules import rules_of
from mma_bench.interference.run_head import FIGURES_FOLDER, PAGE_FILE, PROTOCOL_FILE, TABLES_FOLDER, Head
from mma_bench.interference.stimuli import AGAIN, CLEAN
from mma_bench.interference.tables import name_of, tables_of
from mma_bench.report.render.files import write_tables
from mma_bench.report.render.html import render

_EXAMPLES = 3
"""Changed answers that the page shows per intervention."""

_LONGEST = 600


@dataclass(frozen=True)
class Example:
    """A changed answer, in words fit to be shown."""

    intervention: str
    prompt: str
    answer: str
    suggested: str
    before: str
    after: str


def write_page(
    folder: Path,
    head: Head,
    results: Results,
    decisions: Sequence[Decision],
    other: Other | None,
    differences: Sequence[Difference],
) -> None:
    """Write `index.html`, `figures/` and `tables/`.

    Args:
        folder: of the run.
        head: what was asked of whom.
        results: what came out.
        decisions: every answer, of which some are shown.
        other: another run, shown before this one in the figure.
        differences: between the two.
    """
    from markupsafe import Markup

    shared = other.shared(decisions) if other else None
    plot = _plot(folder.resolve().name, results, other, shared)
    tables = tables_of(results, other, differences)
    folded = [table for table in tables if table.name.startswith("directions")]
    with atomic_folder(folder / FIGURES_FOLDER, replace=True) as figures:
        plot.export(figures)
    with atomic_folder(folder / TABLES_FOLDER, replace=True) as staged:
        write_tables(tables, staged)
    page = render(
        "interference.html.jinja",
        styles=["palette.css", "style.css", "interference.css"],
        scripts=["page.js", "frames.js"],
        head=head,
        results=results,
        summary=[sentence_of(results, TaskKind(one.kind)) for one in results.clean],
        plots=[plot],
        drawings=[[Markup(svg) for svg in plot.inline()]],  # noqa: S704  (matplotlib escapes)
        tables=[table for table in tables if table not in folded],
        folded=folded,
        examples=_examples(decisions),
        skipped=_skipped(head),
        other=other,
        shared=shared,
        warnings=_warnings(head, results),
        command=command_of(head, folder),
    )
    write_text(folder / PAGE_FILE, page)


def _plot(name: str, results: Results, other: Other | None, shared: Shared | None) -> Plot:
    """Return the figure; next to another run, both over the questions that both answered."""
    if other is None or not shared:
        return effects_plot([(name, results)])
    labels = [one.intervention for one in results.effects]
    both = [
        (label, results_of(side, labels, 0)) for label, side in ((other.label, shared.before), (name, shared.after))
    ]
    return effects_plot(both, f"Both runs over the same {shared.text}.")


def sentence_of(results: Results, kind: TaskKind) -> str:
    """Return the main finding about one kind of task in a sentence."""
    clean = next(one for one in results.clean if one.kind == kind)
    effects = [one for one in results.effects if one.kind == kind and one.intervention != AGAIN]
    begin = f"{KINDS[kind].capitalize()}: {_percent(clean.accuracy.value)} right without an intervention."
    if not effects:
        return f"{begin} No intervention was made."
    strongest = max(effects, key=lambda one: one.effect.value)
    if strongest.effect.value == 0:
        return f"{begin} No intervention changed any of the decisions (each: at most {_upper(effects)} at 95%)."
    low, high = strongest.effect.low, strongest.effect.high
    return (
        f"{begin} The strongest intervention, {name_of(strongest.intervention)}, changed "
        f"{_percent(strongest.effect.value)} of the decisions (95%: {100 * low:.0f} to {100 * high:.0f})."
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _upper(effects: Sequence[Effect]) -> str:
    return _percent(max(one.effect.high for one in effects))


def _examples(decisions: Sequence[Decision]) -> list[Example]:
    taken: dict[tuple[str, str], int] = {}
    found = []
    for one in sorted(decisions, key=lambda one: (one.went != "suggested", one.kind)):
        place = one.kind, one.intervention
        if one.changed and one.intervention != CLEAN and taken.get(place, 0) < _EXAMPLES:
            taken[place] = taken.get(place, 0) + 1
            found.append(
                Example(
                    f"{KINDS[TaskKind(one.kind)]}: {name_of(one.intervention)}",
                    _cut(one.prompt),
                    visible(one.answer, one_line=True),
                    visible(one.suggested or "", one_line=True),
                    visible(one.clean_decision, one_line=True),
                    _cut(one.text) or "(empty)",
                )
            )
    return sorted(found, key=lambda one: one.intervention)


def _cut(text: str) -> str:
    shown = visible(text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _skipped(head: Head) -> list[str]:
    lines = []
    for reason, entry in head.skipped.items():
        names, count = entry["names"], entry["count"]
        more = f" and {count - len(names)} more" if count > len(names) else ""
        lines.append(f"{count}: {reason} ({', '.join(names)}{more})")
    return lines


def _warnings(head: Head, results: Results) -> list[str]:
    lines = [f"Left out: {line}." for line in head.left_out]
    if results.missing:
        lines.append(f"{results.missing} questions have no answer yet and are in no number; run the command again.")
    for one in results.effects:
        if one.intervention == AGAIN and one.effect.value > 0:
            lines.append(
                f"{KINDS[TaskKind(one.kind)].capitalize()}: {_percent(one.effect.value)} of the decisions changed when "
                "the same question was asked again. Effects of that size say nothing."
            )
    lines += [
        f"{KINDS[TaskKind(one.kind)].capitalize()}: {one.items} source items are few; intervals are wide."
        for one in results.clean
        if one.items < 30
    ]
    return lines


def command_of(head: Head, folder: Path) -> str:
    """Return the command that makes a run again."""
    words = ["mma-bench", "interference", "--data", head.data_name, "--model", head.model]
    words += ["--run", folder.name]
    for name, setting in head.options.items():
        words += ["--model-option", f"{name}={setting}"]
    usual = load_protocol()
    usual = usual.changed(interventions=[rule.label for rule in rules_of(usual)])
    if head.protocol_sha256 != usual.sha256:
        words += ["--protocol", f"{folder.name}/{PROTOCOL_FILE}"]
    folders = {"--columns": head.columns_file, "--pictures": head.pictures, "--sounds": head.sounds}
    for name, value in {**folders, "--against": head.against}.items():
        words += [name, Path(value).name] if value else []
    if head.limit is not None:
        words += ["--limit", str(head.limit)]
    if head.split != "test":
        words += ["--split", head.split]
    return visible(shlex.join(words), one_line=True)
