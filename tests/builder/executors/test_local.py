"""Tasks on this machine: one that is killed does not keep the build waiting, and its clips are not lost."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from builder.stage_folder import StageFolder
from tests.conftest import ROOT


def run(folder: Path, mode: str, **settings: object) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.cluster.steps", str(folder), mode, json.dumps({"workers": 2, **settings})]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return result.returncode, result.stderr


def attempts(folder: Path) -> list[str]:
    return [path.name for path in (folder / "attempts").iterdir()]


def test_tasks_of_a_killed_process_are_run_again(tmp_path: Path) -> None:
    code, said = run(tmp_path, "killed once")
    assert (code, said.strip()) == (0, "try: a process was killed by SIGKILL; its tasks are run again")
    assert "2.1" in attempts(tmp_path)
    assert {name[0] for name in attempts(tmp_path)} == set("012345")


def test_a_process_that_is_killed_each_time_ends_the_build_in_one_line(tmp_path: Path) -> None:
    code, said = run(tmp_path, "killed", retries=0)
    assert code == 1
    assert said.startswith("error: try: a process was killed by SIGKILL, 1 times; the machine may be out of")


def test_what_a_task_refuses_is_said_as_it_is(tmp_path: Path) -> None:
    assert run(tmp_path, "refusal") == (1, "error: the disk is full; free some space\n")


def test_a_stage_begins_when_the_processes_of_a_killed_build_have_ended(tmp_path: Path) -> None:
    folder = tmp_path / "log"  # where the stage's processes leave their marks
    command = [sys.executable, "-m", "tests.cluster.steps", str(folder), "slow", json.dumps({"workers": 2})]
    build = subprocess.Popen(command, cwd=ROOT)
    try:
        while not (folder / "attempts").exists() or not attempts(folder):
            assert build.poll() is None
            time.sleep(0.05)
        with ThreadPoolExecutor(1) as pool:
            begun = pool.submit(StageFolder(tmp_path).begin, "inputs", 1)
            time.sleep(1)
            assert not begun.done()
            build.kill()
            assert begun.result(30) == 1
    finally:
        build.kill()
        build.wait()
