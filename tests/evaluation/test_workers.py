"""Several processes that ask for one run: the run of one process, whatever happens to them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.evaluation.store import AnswerStore
from mma_bench.evaluation.workers.parts import recover_parts
from tests.conftest import ROOT, tree
from tests.console.test_interruption import finished, interrupted
from tests.evaluation.scripted_model import DIES, SPOILS, STOPS
from tests.evaluation.test_evaluate import repeatable

SCRIPTED = "python:tests/evaluation/scripted_model.py:Scripted"
QUESTIONS = 10
"""About each of eight stimuli."""


def command(demo: Path, run: Path, *more: str, workers: int = 2) -> list[str]:
    common = ["mma_bench", "eval", "--data", str(demo), "--model", SCRIPTED, "--run", str(run), "--limit", "4"]
    return [*common, "--condition", "misaligned", "--condition", "aligned", "--workers", str(workers), *more]


def only_answers(run: Path) -> object:
    return repeatable(run)["answers.jsonl"]


@pytest.fixture
def whole(demo: Path, tmp_path: Path) -> Path:
    """What one process asks."""
    selection = {"condition": ["misaligned", "aligned"], "limit": 4}
    mma_bench.evaluate(SCRIPTED, demo, run=tmp_path / "whole", progress=False, **selection)  # type: ignore[arg-type]
    return tmp_path / "whole"


def test_two_workers_make_the_run_of_one(demo: Path, tmp_path: Path, whole: Path) -> None:
    said = finished(command(demo, tmp_path / "run"))
    assert "questions (all" in said
    assert "in 8 requests, 2 processes" in said
    assert repeatable(tmp_path / "run") == repeatable(whole)
    assert "all 80 questions are answered already" in finished(command(demo, tmp_path / "run", workers=3))
    assert repeatable(tmp_path / "run") == repeatable(whole)


def test_workers_share_a_shard(demo: Path, tmp_path: Path, whole: Path) -> None:
    for index in (1, 2):
        finished(command(demo, tmp_path / str(index), "--shard", f"{index}/2"))
    mma_bench.evaluation.merge_runs([tmp_path / "2", tmp_path / "1"], tmp_path / "run")
    assert only_answers(tmp_path / "run") == only_answers(whole)


def test_merging_finds_the_answers_of_killed_workers(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "1"
    killed(demo, first, tmp_path / "stops", monkeypatch, "--shard", "1/1")
    mma_bench.evaluation.merge_runs([first], tmp_path / "run", partial=True)
    assert len(AnswerStore(tmp_path / "run").read()) == 4 * QUESTIONS
    assert not (first / ".parts").exists()


def test_a_damaged_part_does_not_hide_why_the_command_failed(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, dies = tmp_path / "run", tmp_path / "dies"
    dies.touch()
    monkeypatch.setenv(DIES, str(dies))
    monkeypatch.setenv(SPOILS, str(run / ".parts"))
    with pytest.raises(MMABenchError, match=r"was killed by SIGKILL"):
        evaluated(demo, run, model=SCRIPTED, limit=4, workers=2)
    with pytest.raises(MMABenchError, match=r"\.parts/[12]/answers\.jsonl, line 1 is damaged"):
        evaluated(demo, run, model=SCRIPTED, limit=4)


def test_a_killed_worker_is_one_line_and_the_same_command_resumes(
    demo: Path, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, dies = tmp_path / "run", tmp_path / "dies"
    dies.touch()
    monkeypatch.setenv(DIES, str(dies))
    result = subprocess.run(
        [sys.executable, "-m", *command(demo, run)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    last = result.stderr.splitlines()[-1]
    assert "of 2 was killed by SIGKILL (if memory ran out, use fewer --workers); the answers so far are kept" in last
    kept = len(AnswerStore(run).read())
    assert kept >= 2 * QUESTIONS  # the two stimuli of the one that was killed
    assert not (run / "scores.json").exists()
    assert f"({kept} answered already" in finished(command(demo, run))
    assert repeatable(run) == repeatable(whole)


def both_wait(folder: Path) -> Callable[[int], bool]:
    folder.mkdir()
    return lambda _: len(list(folder.iterdir())) == 2


def assert_gone(folder: Path) -> None:
    """The processes that waited end, and soon."""
    for number in (int(file.name) for file in folder.iterdir()):
        end = time.monotonic() + 300
        while Path(f"/proc/{number}/cmdline").is_file() and Path(f"/proc/{number}/cmdline").read_bytes():
            assert time.monotonic() < end, f"worker {number} is still there"
            time.sleep(0.05)


@pytest.mark.parametrize(("number", "code", "group"), [(signal.SIGINT, 130, True), (signal.SIGTERM, 143, False)])
def test_interrupted_workers_keep_their_answers(
    number: signal.Signals,
    code: int,
    group: bool,
    demo: Path,
    tmp_path: Path,
    whole: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, stops = tmp_path / "run", tmp_path / "stops"
    monkeypatch.setenv(STOPS, str(stops))
    found, said = interrupted(command(demo, run), both_wait(stops), number, whole_group=group)
    assert found == code
    assert said.splitlines()[-1] == "interrupted; the answers so far are kept: run the same command again to resume"
    assert "Traceback" not in said
    assert_gone(stops)
    assert len(AnswerStore(run).read()) == 4 * QUESTIONS
    assert json.loads((run / "usage.json").read_bytes())["wall_seconds"] > 0  # each has recorded what it took
    monkeypatch.delenv(STOPS)
    assert "(40 answered already, 40 to ask)" in finished(command(demo, run, workers=3))
    assert repeatable(run) == repeatable(whole)


def test_workers_end_with_a_killed_command_and_their_answers_are_found(
    demo: Path, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, stops = tmp_path / "run", tmp_path / "stops"
    monkeypatch.setenv(STOPS, str(stops))
    killed(demo, run, stops, monkeypatch)
    assert "(40 answered already, 40 to ask)" in finished(command(demo, run, workers=1))
    assert sorted(map(json.dumps, only_answers(run))) == sorted(map(json.dumps, only_answers(whole)))  # type: ignore[call-overload]
    assert not (run / ".parts").exists()


def evaluated(demo: Path, run: Path, **more: object) -> None:
    given: dict[str, object] = {"model": "baseline:random", "data": demo, "limit": 1, "progress": False, **more}
    mma_bench.evaluate(run=run, **given)  # type: ignore[arg-type]


def filled(parts: Path) -> Path:
    """Return a folder that looks like ours, with a user's files in it."""
    for file in ("1/answers.jsonl", "1/notes.txt", "photos/1/answers.jsonl", "letter.txt"):
        (parts / file).parent.mkdir(parents=True, exist_ok=True)
        (parts / file).touch()
    return parts


@pytest.mark.parametrize("more", [{}, {"overwrite": True}, {"overwrite": True, "workers": 2}, {"model": "baseline:x"}])
def test_parts_in_a_folder_that_is_not_a_run_are_left_alone(
    more: dict[str, object], demo: Path, tmp_path: Path
) -> None:
    filled(tmp_path / "home" / ".parts")
    before = tree(tmp_path / "home")
    for data in (demo, tmp_path / "no data"):
        with pytest.raises(MMABenchError):
            evaluated(demo, tmp_path / "home", **{"data": data, **more})
        assert tree(tmp_path / "home") == before


@pytest.mark.parametrize("more", [{}, {"overwrite": True}, {"workers": 2}])
def test_only_what_workers_wrote_is_removed_from_a_run(more: dict[str, object], demo: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    evaluated(demo, run)
    (run / ".parts").symlink_to(filled(tmp_path / "elsewhere"))
    before = tree(tmp_path)
    with pytest.raises(MMABenchError, match=r"\.parts is not a folder but a link or a file; remove it"):
        evaluated(demo, run, **more)
    assert tree(tmp_path) == before
    (run / ".parts").unlink()
    filled(run / ".parts")
    evaluated(demo, run, **more)
    left = sorted(file.relative_to(run / ".parts").as_posix() for file in (run / ".parts").rglob("*") if file.is_file())
    assert left == ["1/notes.txt", "letter.txt", "photos/1/answers.jsonl"]


def killed(demo: Path, run: Path, stops: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    """Leave the answers of two workers whose command was killed."""
    monkeypatch.setenv(STOPS, str(stops))
    code, _ = interrupted(command(demo, run, *more), both_wait(stops), signal.SIGKILL, whole_group=False)
    assert code == -signal.SIGKILL
    assert_gone(stops)
    monkeypatch.delenv(STOPS)


def wall_seconds(folder: Path) -> float:
    return float(json.loads((folder / "usage.json").read_bytes())["wall_seconds"])


@pytest.mark.parametrize("step", ["_remove", "_remove_if_empty"])
def test_a_kill_while_parts_are_put_into_the_run_counts_nothing_twice(
    step: str, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    killed(demo, run, tmp_path / "stops", monkeypatch)
    longest = max(wall_seconds(part) for part in (run / ".parts").iterdir())

    def kill(folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"mma_bench.evaluation.workers.parts.{step}", kill)
        with pytest.raises(KeyboardInterrupt):
            recover_parts(run)
    recover_parts(run)
    recover_parts(run)
    assert wall_seconds(run) == longest
    assert len(AnswerStore(run).read()) == 4 * QUESTIONS
    assert not (run / ".parts").exists()


def test_models_that_several_processes_cannot_load_are_refused(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    for model, message in [
        ("openai:m@http://127.0.0.1:9/v1", "--workers does not apply; set how many requests .* concurrency=N"),
        (SCRIPTED.replace("Scripted", "OnGPU"), "this process may use 1; use --workers 1"),
        (mma_bench.models.load("baseline:random"), "must be given by name"),
    ]:
        with pytest.raises(MMABenchError, match=message):
            mma_bench.evaluate(model, demo, run=tmp_path / "run", workers=2, limit=1, progress=False)
    assert not (tmp_path / "run").exists()


def test_a_model_on_the_cpu_needs_no_gpu_for_each_worker(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    model = f"transformers:{tmp_path / 'none'}"
    for device, message in [("cpu", "none cannot be loaded"), ("cuda", "needs its own GPU")]:
        with pytest.raises(MMABenchError, match=message):
            evaluated(demo, tmp_path / "run", model=model, options={"device_map": device}, workers=2, limit=2)


def test_each_worker_has_a_gpu(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,GPU-9")
    model = SCRIPTED.replace("Scripted", "OnGPU")
    finished([*command(demo, tmp_path / "run"), "--model", model])
    assert {answer.text for answer in AnswerStore(tmp_path / "run").read().values()} == {"7", "GPU-9"}
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7,GPU-9"


def test_an_error_in_a_worker_is_the_error_of_the_command(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match=r"^--model-option colour: .* has no such option; it takes none$"):
        mma_bench.evaluate(SCRIPTED, demo, run=tmp_path / "run", options={"colour": "1"}, workers=2, progress=False)
    assert not (tmp_path / "run").exists()
