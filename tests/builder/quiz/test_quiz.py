"""The quiz as a person uses it: over HTTP and in a browser, through kills, two tabs and hostile requests."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from builder.quiz.person import Person
from builder.quiz.run import OpenQuiz, open_quiz
from builder.quiz.server import make_app
from builder.quiz.session import Quiz, RefusedError
from mma_bench import MMABenchError, evaluate, load
from mma_bench.evaluation.comparison import compare
from mma_bench.evaluation.rescoring import rescore
from mma_bench.evaluation.store import AnswerStore, begin_run, open_run
from mma_bench.models import load as load_model
from mma_bench.report import write_report
from mma_bench.report.leaderboard.write import write_leaderboard
from tests.builder.review.browser import Browser
from tests.conftest import ROOT, run_builder, tree

ASKED = ("--protocol", "paper", "--condition", "misaligned", "--limit", "3")
QUESTIONS = 6  # three stimuli, each with a visual and an audio question


@contextmanager
def serving(data: Path, run: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Serve a quiz on a free port; yield the process and the port."""
    command = [sys.executable, "-m", "builder", "quiz", "--data", str(data), "--run", str(run)]
    command += ["--name", "Ada", "--port", "0", *ASKED]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", server.stdout.readline())
            assert found is not None, "the quiz was not served"
            yield server, int(found[1])
        finally:
            server.kill()


def call(port: int, path: str, body: object = None, *, headers: Sequence[tuple[str, str]] = ()) -> tuple[int, Any]:
    """Return status and reply; a body is posted."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, body=sent, headers={**kind, **dict(headers)})
    response = connection.getresponse()
    content = response.read()
    is_json = (response.getheader("Content-Type") or "").startswith("application/json")
    return response.status, json.loads(content) if is_json else content


def answer_all(port: int, choice: int | None = 0) -> None:
    """Give one option of every question."""
    while item := call(port, "/state")[1]["item"]:
        assert call(port, "/answer", {"item": item["id"], "choice": choice})[0] == 200


def open_here(data: Path, run: Path, **change: Any) -> OpenQuiz:
    """Open the quiz of `ASKED` in this process."""
    asked: dict[str, Any] = {"name": "Ada", "protocol": "paper", "condition": ["misaligned"], "limit": 3}
    return open_quiz(str(data), run=run, **{**asked, "split": "test", "seed": 0, "overwrite": False, **change})


def answer_here(data: Path, run: Path, choice: int | None, name: str = "Ada") -> list[str]:
    """Give one option of every question, without a server; return the questions in order."""
    order = []
    with open_here(data, run, name=name).begun() as quiz:
        while item := quiz.show().item:
            order.append(item.item_id)
            quiz.answer(item.item_id, choice)
    return order


def answer_one(quiz: Quiz) -> None:
    """Give the first option of the question that is asked now."""
    item = quiz.show().item
    assert item is not None
    quiz.answer(item.item_id, 0)


def stop(server: subprocess.Popen[str]) -> str:
    """Stop a server with Ctrl-C and return what it says."""
    server.send_signal(signal.SIGINT)
    return server.communicate(timeout=60)[0]


def test_answers_of_people_are_a_run_like_any_models(demo: Path, tmp_path: Path) -> None:
    ada, bob, model = (tmp_path / "runs" / name for name in ("ada", "bob", "model"))
    with serving(demo, ada) as (server, port):
        status, state = call(port, "/state")
        assert (status, state["done"], state["total"], state["name"]) == (200, 0, QUESTIONS, "Ada")
        assert set(state["item"]) == {"id", "prompt", "options"}, "nothing tells the answer or the condition"
        status, clip = call(port, f"/clip/{state['item']['id']}.mp4")
        assert (status, clip[4:8]) == (200, b"ftyp")
        answer_all(port)
        assert call(port, "/state")[1]["item"] is None
        assert f"{QUESTIONS} of {QUESTIONS} questions answered" in stop(server)
    answer_here(demo, bob, None, name="Bob")
    head, found = open_run(ada), rescore(ada)
    assert (head.model, head.is_person, head.limit, found.notes) == ("people:Ada", True, 3, [])
    assert len(found.scores.verdicts) == QUESTIONS
    assert found.scores.missing == 0
    assert all(v.text == v.question.options[0] and v.label == v.text for v in found.scores.verdicts)
    assert all(0 <= (answer.seconds or -1) < 60 for answer in found.answers.values())
    assert not (ada / "probe.json").exists()
    assert json.loads((ada / "scores.json").read_text())["missing"] == 0
    assert {str(v.outcome) for v in rescore(bob).scores.verdicts} == {"abstained"}
    evaluate("baseline:visual-only", demo, run=model, condition="misaligned", limit=3, protocol="paper", progress=False)
    assert {row.pairs for row in compare(ada, model).differences} == {3}
    _, boards, left_out = write_leaderboard([tmp_path / "runs"], tmp_path / "board")
    assert ([len(board.runs) for board in boards], left_out) == ([3], [])
    page = write_report([ada, bob, model], tmp_path / "report").read_text()
    table = json.loads((tmp_path / "report" / "tables" / "people.json").read_text())
    everything = dict(zip([column["head"] for column in table["columns"]], table["rows"][0]["entries"], strict=True))
    assert everything["answers"] == 2 * QUESTIONS
    assert everything["same answer"]["value"] == 0
    assert everything["Krippendorff's alpha"].startswith("-")
    assert "python -m builder quiz" in page
    assert "Seconds of people are from the display of a question to its answer." in page
    assert not list((tmp_path / "report").rglob("model_card.md")), "a person has no model card"


def test_a_killed_quiz_resumes_in_its_order_and_other_runs_are_left_alone(demo: Path, tmp_path: Path) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    with serving(demo, run) as (server, port):
        order = []
        for _ in range(3):
            order.append(call(port, "/state")[1]["item"]["id"])
            call(port, "/answer", {"item": order[-1], "choice": 1})
        with pytest.raises(MMABenchError, match="another quiz is writing"), open_here(demo, run).begun():
            pass
        with pytest.raises(MMABenchError, match=f"a quiz is writing to {run}; stop it first"):
            evaluate("baseline:random", demo, run=run, limit=3, overwrite=True, progress=False)
        server.send_signal(signal.SIGKILL)
        server.wait()
    with open(run / "answers.jsonl", "ab") as file:
        file.write(b'{"id": "0123')  # what a kill in the middle of a line leaves
    before = tree(run)
    for change in ({"name": "Bob"}, {"seed": 1}, {"protocol": "robust"}):
        with pytest.raises(MMABenchError, match="holds answers of people:Ada"):
            open_here(demo, run, **change)
    assert "3 answered already, 3 to ask" in open_here(demo, run).workload
    assert tree(run) == before
    with serving(demo, run) as (server, port):
        state = call(port, "/state")[1]
        assert (state["done"], state["item"]["id"] in order) == (3, False)
        while item := call(port, "/state")[1]["item"]:
            order.append(item["id"])
            call(port, "/answer", {"item": item["id"], "choice": 1})
        stop(server)
    assert order == answer_here(demo, whole, 1)
    said = [{key: (a.text, a.question_id) for key, a in AnswerStore(folder).read().items()} for folder in (run, whole)]
    assert said[0] == said[1]
    assert (run / "scores.json").read_bytes() == (whole / "scores.json").read_bytes()


def test_no_answer_is_stored_in_a_run_that_another_command_has_overwritten(demo: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with ExitStack() as page:
        quiz = page.enter_context(open_here(demo, run).begun())
        answer_one(quiz)
        begin_run(run, open_run(run).changed(model="baseline:random"), overwrite=True)
        with pytest.raises(RefusedError, match="another command has overwritten this run"):
            answer_one(quiz)
        with pytest.raises(MMABenchError, match=f"{run} was overwritten by another command"):
            page.close()
    assert [path.name for path in run.iterdir()] == ["run.json"], "neither an answer nor scores"
    assert open_run(run).model == "baseline:random"


def test_a_clip_that_cannot_be_read_does_not_tell_what_it_is(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, media = tmp_path / "data", tmp_path / "media"
    shutil.copytree(demo, data, copy_function=os.link)
    media.mkdir()
    with open_here(data, tmp_path / "run").begun() as quiz:
        for shard in (data / "data" / "misaligned").glob("*.tar"):
            size = shard.stat().st_size
            shard.unlink()  # the demo has a link to the same file
            shard.write_bytes(bytes(size))
        item = quiz.show().item
        assert item is not None
        app = make_app(quiz, media, name="Ada", host="127.0.0.1")
        with TestClient(app, base_url="http://127.0.0.1:7861", raise_server_exceptions=False) as client:
            reply = client.get(f"/clip/{item.item_id}.mp4")
    assert (reply.status_code, reply.json()) == (500, {"detail": "this clip cannot be read"})
    said = capsys.readouterr().err
    assert item.item_id in said
    assert item.sample.stimulus.key in said, "whoever runs the quiz is told"


def quiz(data: Path, run: Path) -> list[str]:
    """Return the arguments of a quiz."""
    return ["quiz", "--data", str(data), "--run", str(run), "--name", "Ada", "--port", "0", *ASKED]


def test_wrong_requests_and_a_second_tab_change_nothing(demo: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    with serving(demo, tmp_path / "run") as (_, port):
        first = call(port, "/state")[1]["item"]
        wrong: list[tuple[object, int]] = [
            ({"item": "0" * 24, "choice": 0}, 404),
            ({"item": "../run.json", "choice": 0}, 404),
            ({"item": first["id"], "choice": len(first["options"])}, 422),
            ({"item": first["id"], "choice": -1}, 422),
            ({"item": first["id"], "choice": "0"}, 422),
            ({"item": first["id"], "choice": True}, 422),
            ({"item": first["id"], "choice": 0.5}, 422),
            ({"item": first["id"]}, 422),
            ({"item": first["id"], "choice": 0, "text": "Dog"}, 422),
            ([], 422),
            (b"{", 422),
        ]
        for body, status in wrong:
            assert call(port, "/answer", body)[0] == status, body
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.putrequest("POST", "/answer")
        connection.putheader("Content-Length", str(1 << 17))
        connection.endheaders()
        assert connection.getresponse().status == 413
        origin = [("Origin", "http://evil.example")]
        assert call(port, "/answer", {"item": first["id"], "choice": 0}, headers=origin)[0] == 403
        assert call(port, "/state", headers=[("Host", "rebound.example")])[0] == 400
        for path in (
            f"/clip/{'../' * 12}{secret}",
            f"/clip/{secret}",
            "/clip/..%2frun.json",
            "/answers.jsonl",
            "/docs",
        ):
            status, content = call(port, path)
            assert status in (400, 404), path
            assert content != b"secret", path
        assert call(port, "/state")[1]["done"] == 0
        # Two tabs show the same question; both answer.
        assert call(port, "/answer", {"item": first["id"], "choice": 0})[0] == 200
        status, late = call(port, "/answer", {"item": first["id"], "choice": 1})
        assert (status, late["state"]["done"]) == (409, 1)
        assert "first answer counts" in late["error"]
    stored = AnswerStore(tmp_path / "run").read()
    assert [answer.text for answer in stored.values()] == [first["options"][0]]


def test_a_person_answers_in_a_browser_with_keys(demo: Path, tmp_path: Path) -> None:
    playing = "(v => v && v.currentTime > 0.2 && v.videoWidth > 0 && v.webkitAudioDecodedByteCount > 0)"
    playing += "(document.getElementById('clip'))"
    item = "document.getElementById('main').dataset.item"
    with serving(demo, tmp_path / "run") as (_, port), Browser(tmp_path / "profile") as browser:
        browser.open(f"http://127.0.0.1:{port}/")
        browser.wait_for(playing)
        shown = browser.evaluate(item)
        prompt = browser.evaluate("document.getElementById('prompt').textContent")
        samples = load(demo, condition="misaligned").samples
        assert prompt in {question.prompt for sample in samples for question in sample.questions}
        page = browser.evaluate("document.documentElement.outerHTML")
        assert "misaligned" not in page
        assert not any(sample.stimulus.key in page for sample in samples)
        browser.resize(390, 844)
        browser.wait_for("document.documentElement.scrollWidth", lambda width: width == 390)
        browser.resize(1366, 768)
        browser.press(" ")
        browser.wait_for("document.getElementById('clip').paused")
        browser.press("2")
        browser.wait_for(item, lambda now: now != shown)
        second = browser.evaluate(item)
        browser.press("0")
        browser.wait_for(item, lambda now: now != second)
        third = browser.evaluate(item)
        other = call(port, "/state")[1]["item"]  # another tab answers first
        call(port, "/answer", {"item": other["id"], "choice": 0})
        browser.press("1")
        browser.wait_for("!document.getElementById('trouble').hidden")
        assert browser.evaluate(item) != third
        for _ in range(QUESTIONS - 3):
            shown = browser.evaluate(item)
            browser.press("1")
            browser.wait_for(item, lambda now, before=shown: now != before)
        browser.wait_for("!document.getElementById('end').hidden")
        assert [a for a in browser.addresses if not a.startswith(("http://127.0.0.1:", "data:", "about:"))] == []
    texts = [answer.text for answer in AnswerStore(tmp_path / "run").read().values()]
    assert len(texts) == QUESTIONS
    assert texts[1] == "I cannot tell."


def test_a_person_is_no_model_and_needs_a_name(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match="is a person, not a model: ask people with `python -m builder quiz"):
        load_model("people:Ada")
    for name in ("", " \u202e ", "x" * 41):
        with pytest.raises(MMABenchError, match="give a name of 1 to 40 visible characters"):
            Person(name, 0)
    dry = run_builder(*quiz(demo, tmp_path / "run"), "--dry-run")
    assert "people:Ada: 6 questions (all 6 to ask)" in dry.stdout
    assert not (tmp_path / "run").exists()
