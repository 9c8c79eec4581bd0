"""What a run says before its first question, and what it estimates from its first answers."""

from pathlib import Path

import pytest

import mma_bench
from mma_bench.console.progress import activity
from mma_bench.evaluation.outlook import AnswerProgress, estimate
from mma_bench.models.interface import Answer


def asked(demo: Path, run: Path, condition: str) -> None:
    mma_bench.evaluate("baseline:random", demo, run=run, condition=condition, limit=3, protocol="paper")


def test_a_run_says_how_much_is_ahead_and_how_much_is_answered(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    asked(demo, run, "aligned")
    assert "6 questions (all 6 to ask) about 3 stimuli, in 3 requests" in capsys.readouterr().err
    mma_bench.evaluate("baseline:random", demo, run=run, limit=3, protocol="paper", condition=["aligned", "misaligned"])
    said = capsys.readouterr().err
    assert "12 questions (6 answered already, 6 to ask) about 3 stimuli, in 3 requests" in said
    asked(demo, run, "aligned")
    assert "all 6 questions are answered already" in capsys.readouterr().err


def test_a_server_is_asked_once_per_question(demo: Path) -> None:
    from mma_bench.evaluation.outlook import Workload
    from mma_bench.models import load

    benchmark = mma_bench.load(demo, condition="aligned", limit=3)
    server = load("openai:m@http://127.0.0.1:9/v1", {"temperature": "1"})
    assert Workload.of(server, 2 * len(benchmark), [benchmark.samples] * 2).requests == 12
    assert Workload.of(load("baseline:random"), 2 * len(benchmark), [benchmark.samples] * 2).requests == 6


def test_the_rest_is_estimated_from_the_first_answers_with_their_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    with AnswerProgress("m", 1000, 100, after=(10, 0.0)) as progress:
        for _ in range(4):
            progress.advance([Answer("q", "Dog", input_tokens=4000)] * 5)
    said = capsys.readouterr().err
    assert said.count("at the speed of the first") == 1
    assert "at the speed of the first 10 answers, the other 890 take" in said
    assert "and 3.6 million tokens (4,000 per question)" in said
    assert estimate(30, 7200, 60.0) == "at the speed of the first 30 answers, the other 7,200 take 4.0 hours"


def test_work_that_takes_long_says_so_and_work_that_does_not_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    import time

    with activity("loading a model", quiet=0.01):
        while not (said := capsys.readouterr().err):
            time.sleep(0.01)
    assert said == "loading a model ...\n"
    with activity("loading a small model"):
        pass
    assert capsys.readouterr().err == ""
