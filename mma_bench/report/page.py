"""The page: everything put into one HTML file that needs no network."""

import shlex

from mma_bench import __version__
from mma_bench.evaluation.kinds import DEFINITIONS
from mma_bench.evaluation.people import PEOPLE_PREFIX
from mma_bench.evaluation.protocols.protocol import NAMES
from mma_bench.evaluation.statistics import AVERAGE_WORDS
from mma_bench.files.text import visible
from mma_bench.parsing import PARSER_VERSION
from mma_bench.report.answer import answer_note, answer_sentences
from mma_bench.report.average import average_of
from mma_bench.report.browser import script_json
from mma_bench.report.contents import Contents
from mma_bench.report.facts import DataFacts
from mma_bench.report.order import TABLE_OF_FIGURE
from mma_bench.report.render.html import render
from mma_bench.report.runs import ScoredRun, competes
from mma_bench.report.table import Row, Table
from mma_bench.report.tables.headline import REMOVED_NOTE
from mma_bench.report.tiles import tiles_of


def render_page(contents: Contents) -> str:
    """Return the page as HTML. Everything that a model or a data set says is escaped."""
    from markupsafe import Markup

    models = [run for run in contents.runs if competes(run)] or contents.runs
    beside = {figure: contents.analyses[name] for figure, name in TABLE_OF_FIGURE.items() if name in contents.analyses}
    shown = {plot.name for plot in contents.plots}
    beside = {figure: table for figure, table in beside.items() if figure in shown}
    elsewhere = {table.name for table in beside.values()}
    browser = contents.browser
    answers = sorted({question[4] for question in browser["questions"]}, key=lambda number: browser["labels"][number])
    return render(
        "report.html.jinja",
        styles=["palette.css", "style.css", "browser.css"],
        scripts=["page.js", "frames.js", "browser.js"],
        facts=contents.facts,
        protocol=contents.runs[0].run.asked,
        columns=contents.references,
        runs=contents.runs,
        answer=answer_sentences(contents.runs),
        answer_note=answer_note(contents.runs),
        tiles=[(run, tiles_of(run)) for run in models],
        headlines=contents.headlines,
        average_words=AVERAGE_WORDS[average_of(contents.runs[0])],
        plots=contents.plots,
        drawings=[[Markup(svg) for svg in plot.inline()] for plot in contents.plots],  # noqa: S704  (matplotlib escapes)
        beside=beside,
        folds=[*(table for name, table in contents.analyses.items() if name not in elsewhere), *contents.details],
        published=contents.published,
        browser=browser,
        answer_classes=[(number, browser["labels"][number]) for number in answers],
        browser_json=Markup(script_json(browser)),  # noqa: S704  (no character of it means anything in HTML)
        definitions=DEFINITIONS,
        warnings=contents.notices,
        commands=[evaluation_command(run, contents.facts) for run in contents.runs],
        report_command=shlex.join(["mma-bench", "report", *(run.folder for run in contents.runs), "--out", "report"]),
        removed_note=REMOVED_NOTE,
        shown_rows=_shown_rows,
        hidden_rows=lambda table: [row for row in table.rows if row not in _shown_rows(table)],
        version=__version__,
        parser_version=PARSER_VERSION,
    )


def _shown_rows(table: Table) -> list[Row]:
    """Return the rows that the page does not fold: models (baselines where there is no model) and the counts."""
    kind = "model" if any(row.kind == "model" for row in table.rows) else "baseline"
    return [row for row in table.rows if row.kind == kind or row is table.rows[-1]]


def evaluation_command(run: ScoredRun, facts: DataFacts) -> str:
    """Return the command that makes ``run`` again."""
    head = run.run
    words = ["mma-bench", "eval", "--data", facts.name, "--model", head.model, "--run", run.folder]
    if head.is_person:
        name, seed = head.model.removeprefix(PEOPLE_PREFIX), head.model_fingerprint.get("setting order_seed", "0")
        words = ["python", "-m", "builder", "quiz", "--data", facts.name, "--name", name, "--run", run.folder]
        words += ["--seed", seed] if seed != "0" else []
    if head.asked.name != "robust":
        words += ["--protocol", head.asked.name if head.asked.name in NAMES else f"{head.asked.name}.yaml"]
    if head.repeats > 1:
        words += ["--repeats", str(head.repeats)]
    if set(head.conditions) != {condition.name for condition in facts.conditions}:
        words += [word for name in head.conditions for word in ("--condition", name)]
    if head.split != "test":
        words += ["--split", head.split]
    if head.limit is not None:
        words += ["--limit", str(head.limit)]
    if head.judge:
        words += ["--judge", head.judge.model]
    if run.probe and run.probe.skipped:
        words.append("--skip-probe")
    return visible(shlex.join(words), one_line=True)
