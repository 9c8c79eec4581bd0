"""Write a report: gather, render into a staging folder, put it in place at once."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mma_bench import __version__
from mma_bench.evaluation.kinds import kind_of
from mma_bench.evaluation.scores import Cell
from mma_bench.files.atomic import atomic_folder, write_text
from mma_bench.files.text import csv_text
from mma_bench.parsing import PARSER_VERSION
from mma_bench.report.answer import answer_note, answer_sentences
from mma_bench.report.contents import Contents, gather
from mma_bench.report.folder import check_replaceable, files_in
from mma_bench.report.hub.eval_results import dataset_id_of, eval_results_yaml
from mma_bench.report.hub.model_card import model_card
from mma_bench.report.page import evaluation_command, render_page
from mma_bench.report.playable import write_media
from mma_bench.report.progress import Stages
from mma_bench.report.render.files import write_tables
from mma_bench.report.render.markdown import markdown, markdown_text
from mma_bench.report.runs import ScoredRun, read_runs

FORMAT = "mma-bench report"
"""What `report.json` says of itself, so that nothing but an earlier report is ever replaced."""

SECOND_HEADING = "Other average:"
"""Precedes the second table of accuracies in `tables.md`."""


def write_report(
    runs: Sequence[Path],
    out: Path,
    *,
    data: Path | None = None,
    examples: int = 3,
    dataset_id: str | None = None,
    progress: bool = False,
) -> Path:
    """Write a report about ``runs`` into the folder ``out``, replacing an earlier report.

    Answers are scored again; no model is called. The same runs give the same bytes.

    Args:
        runs: folders of runs over the same data.
        out: folder for `index.html`, `report.json`, `scores.csv`, `answers.csv`, `tables.md`, `tables/`, `figures/`,
            `hub/` and `media/`.
        data: the dataset, if it is not where the runs say.
        examples: stimuli to play of each media condition.
        dataset_id: the dataset's name on the hub, for `hub/`.
        progress: print each stage and its time to standard error.

    Returns:
        The path of the page.

    Raises:
        MMABenchError: a run or the data cannot be used, or ``out`` holds something else.
    """
    check_replaceable(out, "report.json", FORMAT)
    stages = Stages(progress)
    with stages.stage(f"scoring {len(runs)} {'run' if len(runs) == 1 else 'runs'}"):
        benchmark, scored = read_runs(runs, data)
        contents = gather(benchmark, scored, data or scored[0].run.data, examples)
    name = dataset_id_of(contents.facts, dataset_id)
    with atomic_folder(out, replace=True) as folder:
        with stages.stage(f"writing the media of {len(contents.playable)} examples"):
            write_media(contents.playable, folder)
        for number, plot in enumerate(contents.plots, start=1):
            with stages.stage(f"drawing figure {number} of {len(contents.plots)}, {plot.name}"):
                plot.export(folder / "figures")
        with stages.stage("writing tables and the page"):
            write_tables(contents.tables, folder / "tables")
            _write_hub(contents, name, folder / "hub")
            write_text(folder / "index.html", render_page(contents))
        write_text(folder / "scores.csv", scores_csv(scored))
        write_text(folder / "answers.csv", answers_csv(scored))
        write_text(folder / "tables.md", tables_markdown(contents))
        write_text(folder / "report.json", _to_json(contents, sorted([*files_in(folder), "report.json"])))
    return out / "index.html"


def tables_markdown(contents: Contents) -> str:
    """Return the tables of a report as Markdown, the accuracies first."""
    facts = contents.facts
    first, second = contents.headlines
    parts = [f"{first.title}, in percent, on {markdown_text(facts.name)} ({facts.sha256[:12]}):\n"]
    parts += [markdown(first), f"{SECOND_HEADING}\n", markdown(second)]
    for table in contents.tables[2:]:
        parts += [f"{markdown_text(table.title)}:\n", markdown(table), f"{markdown_text(table.caption)}\n"]
    parts += [f"Note: {markdown_text(notice)}\n" for notice in contents.notices]
    return "\n".join(parts)


def scores_csv(runs: Sequence[ScoredRun]) -> str:
    """Return all scores, one line for each model, condition and modality; shares from 0 to 1."""
    names = [field.name for field in fields(Cell)]
    rows = [[run.label, run.folder, *asdict(cell).values()] for run in runs for cell in run.scores.cells]
    return csv_text(["model", "run", *names], rows)


def answers_csv(runs: Sequence[ScoredRun]) -> str:
    """Return all answers with how they were read; invisible characters are written out."""
    head = ["model", "question_id", "condition", "modality", "answer", "repeat"]
    head += ["label", "outcome", "rule", "verdict", "text"]
    rows = (
        [run.label, v.question.question_id, v.question.condition, str(v.question.modality), v.question.answer,
         v.repeat, v.label, str(v.outcome), v.rule, str(kind_of(v)), v.text]
        for run in runs
        for v in run.scores.verdicts
    )  # fmt: skip
    return csv_text(head, rows)


def _write_hub(contents: Contents, dataset_id: str, folder: Path) -> None:
    models = [run for run in contents.runs if not (run.is_baseline or run.is_person)]  # a person has no model card
    for number, run in enumerate(models, start=1):
        place = folder / f"{number}-{re.sub(r'[^A-Za-z0-9._-]+', '-', run.label)[:60].strip('.-') or 'model'}"
        if results := eval_results_yaml(run, contents.facts, dataset_id):
            write_text(place / ".eval_results" / "mma-bench.yaml", results)
        command = evaluation_command(run, contents.facts)
        write_text(place / "model_card.md", model_card(run, contents.facts, contents.references, command))


def _to_json(contents: Contents, files: list[str]) -> str:
    value = {
        "format": FORMAT,
        "files": files,
        "mma_bench": __version__,
        "parser_version": PARSER_VERSION,
        "answer": answer_sentences(contents.runs),
        "answer_note": answer_note(contents.runs),
        "data": {name: value for name, value in asdict(contents.facts).items() if name != "clip_ids"},
        "references": [asdict(reference) for reference in contents.references],
        "runs": [_run_json(run) for run in contents.runs],
        "examples": [_example_json(contents, sample.stimulus.key) for sample in contents.playable],
        "notices": list(contents.notices),
    }
    # ASCII only: an answer may hold half of a surrogate pair, which UTF-8 cannot carry.
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _run_json(run: ScoredRun) -> dict[str, Any]:
    # The place of the data on this machine is private.
    head: dict[str, Any] = run.run.model_dump(mode="json", exclude={"data"})
    probe = {"probe": run.probe.model_dump(mode="json")} if run.probe else {}
    return {"label": run.label, "folder": run.folder, **head, **probe, "scores": run.scores.to_json()}


def _example_json(contents: Contents, key: str) -> dict[str, Any]:
    answers: dict[str, list[dict[str, Any]]] = {}
    condition = ""
    for run in contents.runs:
        for verdict in run.scores.verdicts:
            if verdict.sample.stimulus.key == key:
                condition = verdict.sample.stimulus.condition
                said = {"model": run.label, "repeat": verdict.repeat, "text": verdict.text, "label": verdict.label}
                said |= {"rule": verdict.rule, "verdict": kind_of(verdict)}
                answers.setdefault(verdict.question.question_id, []).append(said)
    questions = [{"question_id": name, "answers": said} for name, said in answers.items()]
    return {"key": key, "condition": condition, "media": f"media/{key}.mp4", "questions": questions}
