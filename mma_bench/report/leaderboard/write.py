"""Find runs, put those together that may be compared, and write the page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from mma_bench import __version__
from mma_bench.dataset.load import load
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.rescoring import questions_of
from mma_bench.evaluation.store import Run, open_run
from mma_bench.files.atomic import atomic_folder, write_text
from mma_bench.files.text import visible
from mma_bench.parsing import PARSER_VERSION
from mma_bench.report.facts import data_facts, references
from mma_bench.report.folder import check_replaceable, files_in
from mma_bench.report.leaderboard.board import Board, make_board
from mma_bench.report.render.files import write_tables
from mma_bench.report.render.html import render
from mma_bench.report.runs import Heads, ScoredRun, labels_of, score_run, selection_of

FORMAT = "mma-bench leaderboard"
"""What `leaderboard.json` says of itself, so that nothing but an earlier leaderboard is ever replaced."""

LeftOut = tuple[str, str]
"""Folder of a run, and why it is in no table."""


def write_leaderboard(
    folders: Sequence[Path], out: Path, *, data: Sequence[Path] = ()
) -> tuple[Path, list[Board], list[LeftOut]]:
    """Write a sortable page about all runs below ``folders`` into the folder ``out``, replacing an earlier one.

    Args:
        folders: where to look for runs.
        out: folder for `index.html`, `leaderboard.json` and `tables/`.
        data: datasets that do not lie where the runs say.

    Returns:
        The path of the page, its tables, and which runs are in none and why.

    Raises:
        MMABenchError: there is no run that can be shown, or ``out`` holds something else.
    """
    check_replaceable(out, "leaderboard.json", FORMAT)
    places = sorted({path.parent for folder in folders for path in folder.rglob("run.json")})
    if not places:
        raise MMABenchError(f"no run below {', '.join(map(str, folders))}; make one with `mma-bench eval`")
    boards, left_out = _boards(places, {_fingerprint(folder): folder for folder in data})
    if not boards:
        name, reason = left_out[0]
        raise MMABenchError(f"none of {len(places)} runs can be shown; {name}: {reason}")
    with atomic_folder(out, replace=True) as folder:
        write_tables([board.table for board in boards], folder / "tables")
        write_text(folder / "index.html", _page(boards, left_out))
        write_text(folder / "leaderboard.json", _json(boards, left_out, [*files_in(folder), "leaderboard.json"]))
    return out / "index.html", boards, left_out


def _boards(places: Sequence[Path], data: Mapping[str, Path]) -> tuple[list[Board], list[LeftOut]]:
    left_out: list[LeftOut] = []
    groups: dict[tuple[object, ...], list[tuple[Path, Run]]] = {}
    for place in places:
        try:
            head = open_run(place)
            groups.setdefault(selection_of(head), []).append((place, head))
        except MMABenchError as error:
            left_out.append((_shown(place), visible(str(error), one_line=True)))
    boards: list[Board] = []
    for group in groups.values():
        folder = data.get(group[0][1].data_sha256)
        runs = _finished(group, folder, left_out)
        if runs:
            benchmark = questions_of(*group[0], folder)
            facts = data_facts(benchmark, benchmark.path, group[0][1].split)
            columns = references(benchmark, runs[0].scores.variants)
            boards.append(make_board(runs, facts, columns, len(boards) + 1))
    return boards, left_out


def _finished(group: Heads, data: Path | None, left_out: list[LeftOut]) -> list[ScoredRun]:
    """Return the scored runs of ``group``; those that cannot be shown go to ``left_out``."""
    runs = []
    for (place, _), label in zip(group, labels_of(group), strict=True):
        try:
            run = score_run(place, label, data)
        except MMABenchError as error:
            left_out.append((_shown(place), visible(str(error), one_line=True)))
            continue
        if run.run.shard:
            left_out.append((_shown(place), run.run.shard.note))
        elif run.scores.missing:
            left_out.append((_shown(place), f"{run.scores.missing} questions are not answered yet"))
        else:
            runs.append(run)
    return runs


def _fingerprint(data: Path) -> str:
    return load(data).fingerprint


def _shown(place: Path) -> str:
    return visible("/".join(place.parts[-2:]), one_line=True)


def _page(boards: Sequence[Board], left_out: Sequence[LeftOut]) -> str:
    return render(
        "leaderboard.html.jinja",
        styles=["palette.css", "style.css"],
        scripts=["frames.js", "sort.js"],
        boards=boards,
        left_out=left_out,
        version=__version__,
        parser_version=PARSER_VERSION,
    )


def _json(boards: Sequence[Board], left_out: Sequence[LeftOut], files: list[str]) -> str:
    value = {
        "format": FORMAT,
        "files": sorted(files),
        "mma_bench": __version__,
        "parser_version": PARSER_VERSION,
        "boards": [
            {
                "data": asdict(board.facts),
                "protocol": board.runs[0].protocol_text,
                "runs": [
                    {"label": run.label, "model": run.run.model, "folder": run.folder, "scores": run.scores.to_json()}
                    for run in board.runs
                ],
                "notices": list(board.notices),
            }
            for board in boards
        ],
        "left_out": [{"folder": folder, "reason": reason} for folder, reason in left_out],
    }
    return json.dumps(value, indent=2, sort_keys=True) + "\n"
