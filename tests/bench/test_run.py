"""`scripts/bench/run.sh` prints one table, in which a bench that fails is a line."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from scripts.bench.result import Result

ROOT = Path(__file__).resolve().parents[2]


def test_a_failing_bench_is_a_line_and_the_exit_code_is_1(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps([asdict(Result("good", "a / b", 2, 1, 3, "clock", "", 5, 0.1))]))
    (tmp_path / "bad.log").write_text("Traceback\nValueError: a | b\n")
    (tmp_path / "absent.skipped").write_text("no GPU\n")
    command = [sys.executable, str(ROOT / "scripts" / "bench" / "table.py"), str(tmp_path), "good", "absent"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    ended = subprocess.run([*command, "bad"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "| good | a / b | 2 [1, 3] | clock |  | 5 | 0.1 |" in ended.stdout
    assert "| absent | skipped: no GPU |" in ended.stdout
    assert "| bad | FAILED: ValueError: a / b |" in ended.stdout
    assert {line.count("|") for line in ended.stdout.splitlines() if line} == {8}


def test_the_script_goes_on_after_a_bench_that_fails(tmp_path: Path) -> None:
    """AudioSet's lists are missing, so `select_stage` fails; there is no lmms-eval, so the next one is skipped."""
    (tmp_path / "data" / "clips").mkdir(parents=True)
    (tmp_path / "data" / "clips" / "clips.csv").write_text("file,visual_label\n")
    command = [str(ROOT / "scripts" / "bench" / "run.sh"), "--shared", str(tmp_path), "--out", str(tmp_path / "out")]
    command += ["--only", "select_stage", "--only", "gpu_7b"]
    environment = {name: value for name, value in os.environ.items() if name != "LMMS_PYTHON"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "| select_stage | FAILED: " in ended.stdout
    assert "audioset is not there" in ended.stdout
    assert "| gpu_7b | skipped: " in ended.stdout


def test_a_bench_without_time_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "data" / "clips").mkdir(parents=True)
    (tmp_path / "data" / "clips" / "clips.csv").touch()
    command = [str(ROOT / "scripts" / "bench" / "run.sh"), "--shared", str(tmp_path), "--minutes", "0"]
    command += ["--only", "select_stage", "--only", "scale"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "| select_stage | skipped: the 0 minutes were used up" in ended.stdout
    assert "| scale | skipped: the 0 minutes were used up" in ended.stdout


def test_an_unknown_bench_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "clips").mkdir(parents=True)
    (tmp_path / "data" / "clips" / "clips.csv").touch()
    command = [str(ROOT / "scripts" / "bench" / "run.sh"), "--shared", str(tmp_path), "--only", "selekt"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "selekt" in ended.stderr
