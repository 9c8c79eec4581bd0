"""Answers that a server gave are kept: after Ctrl-C, after SIGTERM, and whatever characters they hold."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mma_bench
from mma_bench.evaluation import AnswerStore
from tests.conftest import ROOT
from tests.models.endpoint_server import EndpointServer


def begin(server: EndpointServer, demo: Path, run: Path) -> subprocess.Popen[str]:
    """Start an evaluation in a process of its own and return it when a few answers were served."""
    command = [sys.executable, "-m", "mma_bench", "eval", "--model", server.openai, "--skip-probe", "--data", str(demo)]
    command += ["--run", str(run), "--model-option", "concurrency=8", "--protocol", "paper", "--condition", "aligned"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while server.answered < 10 and process.poll() is None:
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_every_answer_that_was_served(
    number: signal.Signals, code: int, demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    endpoint.behaviour.delay = 0.2
    process = begin(endpoint, demo, tmp_path / "run")
    time.sleep(0.1)  # requests are under way
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "answers so far are kept" in errors or "are kept: run the same command again" in errors
    stored = len(AnswerStore(tmp_path / "run").read())
    assert stored == endpoint.answered == len(endpoint.seen)
    assert 10 <= stored < 64
    assert not (tmp_path / "run" / "scores.json").exists()


def test_a_second_interruption_ends_at_once(demo: Path, tmp_path: Path, endpoint: EndpointServer) -> None:
    endpoint.behaviour.faults.extend([""] * 12)
    endpoint.behaviour.always = "hang"
    process = begin(endpoint, demo, tmp_path / "run")
    assert process.stderr
    while len(endpoint.seen) < 20:  # all eight slots hang
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    while "Ctrl-C again ends at once" not in process.stderr.readline():
        pass
    os.kill(process.pid, signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - began < 8  # less than the ten seconds of patience
    assert len(AnswerStore(tmp_path / "run").read()) >= 10


@pytest.mark.parametrize(("family", "kept"), [("openai", "Dog \ud800!"), ("gemini", "Dog \ufffd!")])
def test_half_of_a_surrogate_pair_is_stored(
    family: str, kept: str, demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    endpoint.behaviour.constant = "Dog \ud800!"
    mma_bench.evaluate(
        getattr(endpoint, family), demo, run=tmp_path / "run", condition="aligned", limit=1, protocol="paper",
        probe=False, progress=False,
    )  # fmt: skip
    assert {answer.text for answer in AnswerStore(tmp_path / "run").read().values()} == {kept}
    (tmp_path / "run" / "answers.jsonl").read_text(encoding="utf-8")  # and the file is UTF-8, which it was not
    assert len(endpoint.seen) == 2
