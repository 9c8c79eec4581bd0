"""Ctrl-C and SIGTERM on real processes: an exit code, one sentence on what is kept, and a command that resumes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.models.endpoint_server import EndpointServer


def interrupted(
    command: list[str], begun: Callable[[int], bool], number: signal.Signals, *, whole_group: bool
) -> tuple[int, str]:
    """Start ``command``, send a signal when it has ``begun``, and return its exit code and what it said.

    A terminal sends Ctrl-C to the whole group of processes, a batch system its signal to the first one.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and not begun(process.pid):
        time.sleep(0.01)
    assert process.poll() is None, f"it ended before it was interrupted: {process.communicate()[1]}"
    if whole_group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    said = process.communicate(timeout=120)[1]
    return process.returncode, said


def finished(command: list[str]) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_evaluation_keeps_its_answers_and_the_same_command_resumes(
    number: signal.Signals, code: int, demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    answers = tmp_path / "run" / "answers.jsonl"
    command = ["mma_bench", "eval", "--data", str(demo), "--run", str(tmp_path / "run"), "--skip-probe"]
    command += ["--model", endpoint.openai, "--model-option", "concurrency=2", "--condition", "misaligned"]
    command += ["--limit", "6", "--protocol", "paper"]
    endpoint.behaviour.delay = 0.3

    found, said = interrupted(
        command, lambda _: answers.exists() and answers.stat().st_size > 0, number, whole_group=True
    )
    assert found == code
    assert said.splitlines()[-1] == ("interrupted; the answers so far are kept: run the same command again to resume")
    assert "Traceback" not in said
    kept = len(answers.read_text().splitlines())
    assert 0 < kept < 12
    endpoint.reset()
    assert f"12 questions ({kept} answered already, {12 - kept} to ask)" in finished(command)
    assert len(answers.read_text().splitlines()) == 12
    assert (tmp_path / "run" / "scores.json").is_file()


def test_overwrite_is_not_recommended_to_who_wants_to_resume(
    demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    answers = tmp_path / "run" / "answers.jsonl"
    command = ["mma_bench", "eval", "--data", str(demo), "--run", str(tmp_path / "run"), "--skip-probe"]
    command += ["--model", endpoint.openai, "--condition", "misaligned", "--limit", "6", "--overwrite"]
    endpoint.behaviour.delay = 0.3
    _, said = interrupted(command, lambda _: answers.exists(), signal.SIGINT, whole_group=True)
    assert said.splitlines()[-1].endswith("run the same command without --overwrite to resume")


def ignore_interrupts(session: int) -> list[bool]:
    """Return for each worker of a build whether it ignores SIGINT."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status, command = (folder / "status").read_text(), (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if b"forkserver" in command and os.getsid(int(folder.name)) == session:
            ignored = int(re.search(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)[1], 16)  # type: ignore[index]
            found.append(bool(ignored >> (signal.SIGINT - 1) & 1))
    return found


def test_a_build_keeps_its_clips_and_the_same_command_resumes(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "source: {kind: synthetic, test: 4, classes: [Bell, Drum]}\n"
        "normalise: {size: 112, seconds: 1, frame_rate: 16}\n"
        "inspect: {frames_per_second: 8}\ncompare: {drop_leaks: false}\nassemble: {noise_letters: 100}\n"
        "executor: {workers: 2}\n"
    )
    work, out = tmp_path / "work", tmp_path / "out"
    command = ["builder", "run", "--config", str(config), "--work", str(work), "--out", str(out)]
    segments = work / "normalise" / "segments"
    workers: list[bool] = []

    def begun(session: int) -> bool:
        if not any(segments.glob("*.segment")):
            return False
        workers.extend(ignore_interrupts(session))
        return True

    code, said = interrupted(command, begun, signal.SIGINT, whole_group=True)
    assert workers
    assert all(workers)  # or each would print a traceback when a terminal sends Ctrl-C to all
    assert code == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("interrupted; the finished stages and clips are kept: run the same command")
    assert not out.exists()
    finished(command)
    assert json.loads((out / "metadata" / "funnel.json").read_text())


def test_a_command_without_anything_to_resume_says_that_nothing_is_half_written(demo: Path, tmp_path: Path) -> None:
    command = ["mma_bench", "export", "--data", str(demo), "--format", "jsonl", "--out", str(tmp_path / "out")]
    code, said = interrupted(command, lambda _: any(tmp_path.glob(".out.partial-*")), signal.SIGINT, whole_group=True)
    assert code == 130
    assert said.splitlines()[-1] == "interrupted; nothing was left half-written; run the same command to start again"
    assert not list(tmp_path.iterdir())
