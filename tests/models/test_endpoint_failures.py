"""What servers and networks do to a run: it goes on, or it ends with one clear error and loses nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.dataset.load import Sample
from mma_bench.evaluation import AnswerStore
from mma_bench.models import load
from tests.conftest import ROOT
from tests.models.endpoint_server import EndpointServer

QUICK = {"backoff": "0.01", "retries": "3", "timeout": "30"}
PASSING = ["500", "503", "cut", "reset", "malformed", "html", "list", "no choices", "huge"]


@pytest.fixture(scope="module")
def samples(demo: Path) -> Sequence[Sample]:
    return mma_bench.load(demo, condition="misaligned", limit=2).samples


def texts(model: str, options: dict[str, str], samples: Sequence[Sample]) -> dict[str, str]:
    answered = load(model, options).answer_all(samples)
    return {answer.question_id: answer.text for _, answers in answered for answer in answers}


@pytest.mark.parametrize("family", ["openai", "gemini"])
def test_failures_that_pass_cost_a_repetition_and_no_answer(
    family: str, samples: Sequence[Sample], endpoint: EndpointServer
) -> None:
    model = getattr(endpoint, family)
    expected = texts(model, {}, samples)
    endpoint.seen.clear()
    for fault in PASSING:
        endpoint.behaviour.faults.append(fault)
        assert texts(model, QUICK | {"concurrency": "1"}, samples[:1]).items() <= expected.items()
    assert [seen.fault for seen in endpoint.seen if seen.fault] == PASSING
    assert len(endpoint.seen) == 3 * len(PASSING)
    endpoint.behaviour.faults.append("hang")
    assert texts(model, QUICK | {"timeout": "1"}, samples) == expected


@pytest.mark.parametrize("family", ["openai", "gemini"])
def test_a_storm_of_429_is_waited_out_as_the_server_asks(
    family: str, samples: Sequence[Sample], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.faults = deque(["429"] * 3)
    answers = texts(getattr(endpoint, family), QUICK | {"concurrency": "3"}, samples)
    assert len(answers) == 4
    refused = [seen.time for seen in endpoint.seen if seen.fault == "429"]
    assert len(refused) == 3
    # Until the first one returns, only the two others in flight arrive, and are refused as well.
    assert all(seen.time >= min(refused) + 1 for seen in endpoint.seen if not seen.fault)


@pytest.mark.parametrize("family", ["openai", "gemini"])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("400", "refused a request with HTTP 400: "),
        ("429 long", "asks to wait 90000 s"),
        ("500", r"failed twice with the same words, so it is not asked again: HTTP 500 \(.*some\?\[31m trouble"),
        ("503", r"failed 4 times in a row, last with: HTTP 503 \(.*some\?\[31m trouble"),
        ("malformed", "failed 4 times in a row, last with: a malformed reply"),
        ("reset", "failed 4 times in a row, last with: (ReadError|RemoteProtocolError) "),
    ],
)
def test_what_does_not_pass_ends_in_one_clear_line(
    family: str, fault: str, message: str, samples: Sequence[Sample], endpoint: EndpointServer
) -> None:
    endpoint.behaviour.always = fault
    with pytest.raises(MMABenchError, match=message) as failure:
        texts(getattr(endpoint, family), QUICK, samples)
    assert "\n" not in str(failure.value)
    assert "\x1b" not in str(failure.value)


def test_a_server_that_is_not_there_and_an_empty_purse(samples: Sequence[Sample], endpoint: EndpointServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for name in (f"openai:m@{place}/v1", f"gemini:m@{place}"):
            with pytest.raises(MMABenchError, match="failed 4 times in a row, last with: ConnectError"):
                texts(name, QUICK, samples)
    endpoint.behaviour.always = "quota"
    with pytest.raises(MMABenchError, match=r"HTTP 429: .*no money"):
        texts(endpoint.openai, QUICK, samples)


def test_silence_and_refusals_are_answers(samples: Sequence[Sample], endpoint: EndpointServer) -> None:
    endpoint.behaviour.faults = deque(["null", "refusal"])
    answers = texts(endpoint.openai, QUICK | {"concurrency": "1"}, samples[:1])
    assert list(answers.values()) == ["", "I cannot help with that."]
    endpoint.behaviour.always = "filter"
    assert set(texts(endpoint.openai, QUICK, samples).values()) == {""}
    endpoint.behaviour.always = "null"
    assert set(texts(endpoint.gemini, QUICK, samples).values()) == {""}


def test_a_run_that_fails_keeps_every_answer_and_goes_on(demo: Path, tmp_path: Path, endpoint: EndpointServer) -> None:
    run, options = tmp_path / "run", QUICK | {"concurrency": "2"}

    def evaluate() -> mma_bench.evaluation.Scores:
        return mma_bench.evaluate(
            endpoint.openai,
            demo,
            run=run,
            options=options,
            condition="aligned",
            limit=4,
            protocol="paper",
            probe=False,
            progress=False,
        )

    endpoint.behaviour.faults = deque([""] * 5)
    endpoint.behaviour.always = "500"
    with pytest.raises(MMABenchError, match="All answers so far are kept"):
        evaluate()
    assert len(AnswerStore(run).read()) == 5  # also those of a stimulus that was half asked
    endpoint.reset()
    scores = evaluate()
    assert scores.missing == 0
    assert len(endpoint.seen) == 3


def untimed(path: Path) -> list[str]:
    """Return the stored answers in a fixed order, without the seconds that they took."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted(json.dumps({name: value for name, value in line.items() if name != "seconds"}) for line in lines)


def test_a_killed_run_goes_on_and_ends_with_the_same_answers(
    demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    def command(name: str) -> list[str]:
        model = ["--model", endpoint.openai, "--model-option", "concurrency=4", "--skip-probe"]
        data = ["--data", str(demo), "--run", str(tmp_path / name), "--condition", "misaligned", "--limit", "8"]
        data += ["--protocol", "paper"]
        return [sys.executable, "-m", "mma_bench", "eval", *model, *data]

    subprocess.run(command("undisturbed"), cwd=ROOT, check=True, capture_output=True)
    undisturbed = untimed(tmp_path / "undisturbed" / "answers.jsonl")
    endpoint.reset()
    endpoint.behaviour.delay = 0.5  # two seconds from the first answer to the last: time to be killed
    answers, kills = tmp_path / "killed" / "answers.jsonl", 0
    for _ in range(2):
        kept = answers.stat().st_size if answers.exists() else 0
        process = subprocess.Popen(command("killed"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and (answers.stat().st_size if answers.exists() else 0) <= kept:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills
    endpoint.reset()
    open_questions = len(undisturbed) - len(AnswerStore(tmp_path / "killed").read())
    subprocess.run(command("killed"), cwd=ROOT, check=True, capture_output=True)
    assert untimed(answers) == undisturbed
    scores = [json.loads((tmp_path / name / "scores.json").read_text()) for name in ("undisturbed", "killed")]
    assert scores[0] == scores[1]
    assert open_questions < len(undisturbed)
    assert open_questions <= len(endpoint.seen) <= open_questions + 4  # the server may still work for the killed one
