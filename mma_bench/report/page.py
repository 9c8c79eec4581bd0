"""The page: everything put into one HTML file that needs no network."""

import base64
import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mma_bench import __version__
from mma_bench.evaluation.protocols.protocol import NAMES
from mma_bench.parsing import PARSER_VERSION
from mma_bench.probe import Probe, Verdict
from mma_bench.report.excerpts import visible
from mma_bench.report.facts import DataFacts, Reference
from mma_bench.report.figures import CONFLICT, FOLLOWED, accuracy_panels, following_panels
from mma_bench.report.runs import ScoredRun
from mma_bench.report.tables import REMOVED_NOTE, detail, headline
from mma_bench.report.verdicts import DEFINITIONS, Kind
from mma_bench.schema import CONDITIONS

if TYPE_CHECKING:
    from markupsafe import Markup

    from mma_bench.report.examples import Example

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Contents:
    """What a report tells.

    Attributes:
        facts: about the data.
        references: the columns of the tables, with chance and majority.
        runs: the rows, models before baselines.
        examples: stimuli to play.
    """

    facts: DataFacts
    references: Sequence[Reference]
    runs: Sequence[ScoredRun]
    examples: Sequence["Example"]

    @property
    def has_conflict(self) -> bool:
        """Whether any run answered questions about conflicting streams."""
        return any(cell.condition == CONFLICT for run in self.runs for cell in run.scores.cells)


def render_page(contents: Contents) -> str:
    """Return the page as HTML. Everything that a model or a data set says is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = lambda text: visible(text, one_line=True)
    environment.filters["breakable"] = _breakable
    environment.filters["words"] = lambda name: name.replace("_", " ")
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    accuracy, following = accuracy_panels(contents.references), following_panels()
    return environment.get_template("report.html.jinja").render(
        facts=contents.facts,
        columns=contents.references,
        spans=_spans(contents.references),
        runs=contents.runs,
        details=[detail(run, contents.references) for run in contents.runs],
        tables=[headline(contents.runs, contents.references, average) for average in ("micro", "macro")],
        accuracy=[Markup(accuracy.inline(run, f"a{i}")) for i, run in enumerate(contents.runs)],  # noqa: S704
        following=[Markup(following.inline(run, f"f{i}")) for i, run in enumerate(contents.runs)]  # noqa: S704
        if contents.has_conflict
        else [],
        followed=FOLLOWED,
        examples=contents.examples,
        media_conditions=list(dict.fromkeys(example.condition for example in contents.examples)),
        conditions=CONDITIONS,
        kinds=_kinds(contents.examples),
        definitions=DEFINITIONS,
        notices=notices(contents),
        commands=[evaluation_command(run, contents.facts) for run in contents.runs],
        report_command=shlex.join(["mma-bench", "report", *(run.folder for run in contents.runs), "--out", "report"]),
        removed_note=REMOVED_NOTE,
        version=__version__,
        parser_version=PARSER_VERSION,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704  (our own file)
        script=Markup(script),  # noqa: S704  (our own file)
        script_hash=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
    )


def notices(contents: Contents) -> list[str]:
    """Return what a reader must know before comparing the models."""
    found = []
    for run in contents.runs:
        if missing := run.scores.missing:
            total = missing + len(run.scores.verdicts)
            found.append(
                f"{run.label} has not answered {missing} of {total} questions; its shares are of the answered ones."
            )
        found += [f"{run.label}: {doubt}" for doubt in _doubts(run.probe)]
        found += [f"{run.label}: {deviation}." for deviation in run.deviations]
    selections = {(tuple(run.run.conditions), run.run.limit) for run in contents.runs}
    if len(selections) > 1:
        found.append(
            "The runs answered different selections of the questions: compare shares only where n is the same."
        )
    return found


def _doubts(probe: Probe | None) -> list[str]:
    """Return what is not known about the way of the media to the model."""
    if probe is None:
        return []
    if probe.skipped:
        return ["the reach probe was skipped, so it is not known whether video and audio reached the model."]
    return [
        f"the reach probe found {finding.modality} {finding.verdict}: {finding.reason}."
        for finding in probe.findings
        if finding.verdict is not Verdict.REACHES
    ]


def evaluation_command(run: ScoredRun, facts: DataFacts) -> str:
    """Return the command that makes ``run`` again."""
    head = run.run
    words = ["mma-bench", "eval", "--data", facts.name, "--model", head.model, "--run", run.folder]
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
    if run.probe and run.probe.skipped:
        words.append("--skip-probe")
    return visible(shlex.join(words), one_line=True)


def _breakable(text: str) -> "Markup":
    """Return ``text``, escaped, so that a narrow column breaks it after its punctuation and not in a word."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/:@_-])", text))


def _spans(columns: Sequence[Reference]) -> list[tuple[str, int]]:
    """Return the conditions of the table's head and how many columns each spans."""
    names = [column.condition for column in columns]
    return [(name, names.count(name)) for name in dict.fromkeys(names)]


def _kinds(examples: Sequence["Example"]) -> list[Kind]:
    shown = {said.kind for example in examples for asked in example.questions for said in asked.said}
    return [kind for kind in Kind if kind in shown]
