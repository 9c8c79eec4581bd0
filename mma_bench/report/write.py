"""Write a report: gather, render into a staging folder, put it in place at once."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mma_bench import __version__
from mma_bench.atomic import fsync_folder, write_text
from mma_bench.errors import MMABenchError
from mma_bench.parsing import PARSER_VERSION
from mma_bench.report.examples import Example, choose_examples, describe_examples, write_media
from mma_bench.report.facts import data_facts, references
from mma_bench.report.figures import accuracy_panels, following_panels
from mma_bench.report.page import Contents, notices, render_page
from mma_bench.report.runs import ScoredRun, read_runs
from mma_bench.report.tables import detail, detail_markdown, headline, headline_markdown, markdown_text, scores_csv

FORMAT = "mma-bench report"
"""What `report.json` says of itself, so that nothing but an earlier report is ever replaced."""

MACRO_HEADING = "Mean over classes:"
"""Ends the first table of `tables.md`, which the command line prints."""


def write_report(runs: Sequence[Path], out: Path, *, data: Path | None = None, examples: int = 3) -> Path:
    """Write a report about ``runs`` into the folder ``out``, replacing an earlier report.

    Answers are scored anew; no model is asked. The same runs give the same bytes.

    Args:
        runs: folders of runs over the same data.
        out: folder for `index.html`, `report.json`, `scores.csv`, `tables.md`, `figures/` and `media/`.
        data: the dataset, if it does not lie where the runs say.
        examples: stimuli to show of each media condition.

    Returns:
        The path of the page.

    Raises:
        MMABenchError: a run or the data cannot be used, or ``out`` holds something else.
    """
    _check_replaceable(out)
    benchmark, scored = read_runs(runs, data)
    chosen = choose_examples(benchmark, scored, examples)
    contents = Contents(
        facts=data_facts(benchmark, data or scored[0].run.data, scored[0].run.split),
        references=references(benchmark),
        runs=scored,
        examples=describe_examples(chosen, scored),
    )
    with _staging(out) as folder:
        write_media(chosen, folder)
        _write_figures(contents, folder / "figures")
        write_text(folder / "index.html", render_page(contents))
        write_text(folder / "scores.csv", scores_csv(scored))
        write_text(folder / "tables.md", tables_markdown(contents))
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        write_text(folder / "report.json", _to_json(contents, [*files, "report.json"]))
    return out / "index.html"


def tables_markdown(contents: Contents) -> str:
    """Return the tables of a report as Markdown, the accuracies first."""
    facts = contents.facts
    parts = [f"Accuracy in percent on {markdown_text(facts.name)} ({facts.sha256[:12]}), mean over questions:\n"]
    parts.append(headline_markdown(headline(contents.runs, contents.references, "micro"), contents.references))
    parts.append(f"{MACRO_HEADING}\n")
    parts.append(headline_markdown(headline(contents.runs, contents.references, "macro"), contents.references))
    for run in contents.runs:
        parts += [f"{markdown_text(run.label)}:\n", detail_markdown(detail(run, contents.references))]
    parts += [f"Note: {markdown_text(notice)}\n" for notice in notices(contents)]
    return "\n".join(parts)


def _check_replaceable(out: Path) -> None:
    """Raise MMABenchError if ``out`` holds anything that a report did not put there."""
    if not out.exists():
        return
    if not out.is_dir():
        raise MMABenchError(f"{out} is a file; choose another --out")
    present = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_symlink() or not path.is_dir()}
    if not present:
        return
    try:
        marker = json.loads((out / "report.json").read_bytes())
        ours = set(marker["files"]) if marker["format"] == FORMAT else set()
    except (OSError, ValueError, TypeError, KeyError):
        ours = set()
    if not ours:
        raise MMABenchError(f"{out} exists and is not an earlier report; choose another --out or remove it")
    if strange := sorted(present - ours):
        raise MMABenchError(
            f"{out} holds {strange[0]}, which is not part of the report; move it or choose another --out"
        )


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Yield a new folder beside ``out``; on success it becomes ``out``, on failure it is removed."""
    place = out.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-", suffix=".partial") as name:
        folder = Path(name) / "new"
        folder.mkdir()
        yield folder
        if place.exists():
            place.rename(Path(name) / "old")
        folder.rename(place)
        fsync_folder(place.parent)


def _write_figures(contents: Contents, folder: Path) -> None:
    accuracy_panels(contents.references).export(contents.runs, folder)
    if contents.has_conflict:
        following_panels().export(contents.runs, folder)


def _to_json(contents: Contents, files: list[str]) -> str:
    value = {
        "format": FORMAT,
        "files": files,
        "mma_bench": __version__,
        "parser_version": PARSER_VERSION,
        "data": asdict(contents.facts),
        "references": [asdict(reference) for reference in contents.references],
        "runs": [
            {"label": run.label, "folder": run.folder, **_head(run.run), **_probe(run), "scores": run.scores.to_json()}
            for run in contents.runs
        ],
        "examples": [_example_json(example) for example in contents.examples],
        "notices": notices(contents),
    }
    # ASCII only: an answer may hold half of a surrogate pair, which UTF-8 cannot carry.
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _head(run: Any) -> dict[str, Any]:
    """Return the head of a run without the place of the data on this machine."""
    head: dict[str, Any] = run.model_dump(exclude={"data"})
    return head


def _probe(run: ScoredRun) -> dict[str, Any]:
    return {"probe": run.probe.model_dump(mode="json")} if run.probe else {}


def _example_json(example: Example) -> dict[str, Any]:
    questions = [
        {
            "question_id": asked.question_id,
            "answers": [
                {"model": said.model, "text": said.text, "label": said.label, "rule": said.rule, "verdict": said.kind}
                for said in asked.said
            ],
        }
        for asked in example.questions
    ]
    return {"key": example.key, "condition": example.condition, "media": example.media, "questions": questions}
