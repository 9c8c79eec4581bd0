"""The leaderboard end to end: what stands in one table, and what is left out and why."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from mma_bench import MMABenchError
from mma_bench.report.leaderboard.write import write_leaderboard
from tests.conftest import run_command, tree


def test_only_runs_that_answered_the_same_questions_share_a_table(leaderboard: Path) -> None:
    stored = json.loads((leaderboard / "leaderboard.json").read_text())
    models = [[run["model"] for run in board["runs"]] for board in stored["boards"]]
    assert sorted(len(names) for names in models) == [1, 2]
    assert ["baseline:majority"] in models  # it answered fewer questions
    reasons = {entry["folder"]: entry["reason"] for entry in stored["left_out"]}
    assert reasons["runs/part"] == "5 questions are not answered yet"
    assert "data that differs" in reasons["runs/other"]
    html = (leaderboard / "index.html").read_text(encoding="utf-8")
    assert html.count("<table") == 2
    assert "<script>window" not in html
    assert "<img" not in html


def test_the_same_runs_give_the_same_leaderboard_and_nothing_else_is_replaced(
    leaderboard: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    shutil.copytree(leaderboard, again)
    (again / "index.html").write_text("stale")
    runs = leaderboard.parent / "runs"
    write_leaderboard([runs], again)
    assert tree(again) == tree(leaderboard)
    (again / "thesis.txt").write_text("years of work")
    with pytest.raises(MMABenchError, match=r"thesis\.txt"):
        write_leaderboard([runs], again)
    command = (sys.executable, "-m", "mma_bench", "leaderboard", str(tmp_path), "--out", str(tmp_path / "new"))
    result = run_command(*command, check=False)
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "new").exists()
