"""The evaluator on the demo: baselines that behave as defined, runs that survive a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mma_bench
from mma_bench.evaluation import AnswerStore, rescore
from mma_bench.evaluation.store import answer_id
from mma_bench.models.interface import Answer, Model
from mma_bench.schema import Modality
from tests.conftest import ROOT, run_command, tree

VISUAL, AUDIO = Modality.VISUAL, Modality.AUDIO
ANSWERABLE = [
    (condition, modality)
    for condition in mma_bench.schema.PAPER_CONDITIONS
    for modality in Modality
    if (condition, modality) not in (("audio_removed", AUDIO), ("frames_zeroed", VISUAL))
]


def test_one_sense_baselines_score_as_their_definition_demands(demo: Path, tmp_path: Path) -> None:
    for name, own, other in (("visual-only", VISUAL, AUDIO), ("audio-only", AUDIO, VISUAL)):
        scores = mma_bench.evaluate(f"baseline:{name}", demo, run=tmp_path / name, protocol="paper", progress=False)
        assert scores.missing == 0
        assert len(scores.cells) == 12
        for condition in ("aligned", "misleading_caption", "long_context"):
            assert scores.cell(condition, own).accuracy == 1
            assert scores.cell(condition, other).accuracy == 1  # both streams show the same class
            assert scores.cell(condition, other).distraction_rate == 0
        assert scores.cell("misaligned", own).accuracy == 1
        assert scores.cell("misaligned", own).distraction_rate == 0
        assert scores.cell("misaligned", other).accuracy == 0
        assert scores.cell("misaligned", other).distraction_rate == 1
        kept = "audio_removed" if own is VISUAL else "frames_zeroed"
        lost = "frames_zeroed" if own is VISUAL else "audio_removed"
        assert scores.cell(kept, own).accuracy == 1
        assert scores.cell(kept, other).accuracy == 1  # names the class of a modality that is gone: hallucination
        assert not scores.cell(kept, other).answerable
        for modality in Modality:
            assert scores.cell(lost, modality).abstention_rate == 1
            assert scores.cell(lost, modality).accuracy == 0


def test_majority_and_random_baselines(demo: Path, tmp_path: Path) -> None:
    options = {"protocol": "paper", "progress": False}
    majority = mma_bench.evaluate("baseline:majority", demo, run=tmp_path / "majority", **options)
    aligned = mma_bench.load(demo, condition="aligned")
    labels = [row.answer for row in aligned if row.modality is VISUAL]
    largest = max(labels.count(label) for label in labels) / len(labels)
    cell = majority.cell("aligned", VISUAL)
    assert cell.accuracy == pytest.approx(largest)
    assert cell.macro_accuracy == pytest.approx(1 / len(set(labels)))
    for bound in (cell.accuracy_low, cell.accuracy_high):  # Wilson's: the shares at 1.96 standard errors of their own
        assert abs(bound - largest) == pytest.approx(1.959964 * (bound * (1 - bound) / len(labels)) ** 0.5, rel=1e-5)
    assert 0 < cell.macro_low <= cell.macro_accuracy < cell.macro_high < 0.5
    random = mma_bench.evaluate("baseline:random", demo, run=tmp_path / "random", **options)
    answers = [verdict.label for verdict in random.verdicts]
    assert len(set(answers)) == len(aligned[0].options)
    misled = [verdict for verdict in random.verdicts if verdict.question.condition == "misaligned"]
    asked = [verdict for verdict in misled if verdict.question.modality is VISUAL]
    distracted = sum(verdict.label == verdict.sample.stimulus.audio.label for verdict in asked) / len(asked)
    assert random.cell("misaligned", VISUAL).distraction_rate == distracted < 0.5
    total = sum(random.cell(*cell).accuracy for cell in ANSWERABLE) / len(ANSWERABLE)
    assert total == pytest.approx(cell.chance, abs=4 * (cell.chance / len(answers)) ** 0.5)


def repeatable(run: Path) -> dict[str, object]:
    """All that a run stores but the time that it took, which no two runs share."""
    found: dict[str, object] = dict(tree(run))
    del found["usage.json"]
    answers = [json.loads(line) for line in (run / "answers.jsonl").read_bytes().splitlines()]
    found["answers.jsonl"] = [{name: value for name, value in line.items() if name != "seconds"} for line in answers]
    return found


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    def command(name: str) -> list[str]:
        run = str(tmp_path / name)
        return [
            sys.executable,
            "-m",
            "mma_bench",
            "eval",
            "--data",
            str(demo),
            "--model",
            "baseline:random",
            "--run",
            run,
            "--protocol",
            "paper",
        ]

    begin = time.monotonic()
    run_command(*command("undisturbed"))
    seconds = time.monotonic() - begin
    for i in range(10):
        process = subprocess.Popen(command("killed"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds * (0.55 + 0.04 * i))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    run_command(*command("killed"))
    assert repeatable(tmp_path / "killed") == repeatable(tmp_path / "undisturbed")


def test_what_was_being_written_at_a_kill_is_resumed_or_removed(demo: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    dies_before_the_rename = (
        "import os, sys, pathlib; from mma_bench.files import atomic\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), 9)\n"
        "atomic.write_json(pathlib.Path(sys.argv[1]), {})"
    )
    killed = [sys.executable, "-c", dies_before_the_rename]
    assert subprocess.Popen([*killed, str(run / "run.json")]).wait() == -9
    assert len(list(run.iterdir())) == 1
    mma_bench.evaluate("baseline:random", demo, run=run, protocol="paper", limit=2, progress=False)
    assert not list(run.glob(".tmp-*"))
    assert subprocess.Popen([*killed, str(run / "scores.json")]).wait() == -9
    run_command(sys.executable, "-m", "mma_bench", "score", str(run), "--data", str(demo))
    assert not list(run.glob(".tmp-*"))
    (tmp_path / "other" / ".tmp-folder").mkdir(parents=True)  # not ours
    with pytest.raises(mma_bench.MMABenchError, match="exists and is not a run"):
        mma_bench.evaluate("baseline:random", demo, run=tmp_path / "other", progress=False)


def test_a_half_written_line_is_asked_again_and_a_damaged_one_is_named(demo: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    mma_bench.evaluate("baseline:random", demo, run=run, protocol="paper", progress=False)
    whole = repeatable(run)
    answers = run / "answers.jsonl"
    content = answers.read_bytes()
    for cut in (1, len(content) // 2, len(content) - 1):
        answers.write_bytes(content[:cut])
        mma_bench.evaluate("baseline:random", demo, run=run, protocol="paper", progress=False)
        assert repeatable(run) == whole
    lines = content.splitlines(keepends=True)
    answers.write_bytes(content + lines[0][:20])
    rescore(run)
    assert answers.read_bytes() == content + lines[0][:20]  # a reader leaves alone what another may be writing
    answers.write_bytes(b"".join([lines[0], b'{"id": \n', *lines[1:]]))
    with pytest.raises(mma_bench.MMABenchError, match="line 2 is damaged"):
        mma_bench.evaluate("baseline:random", demo, run=run, protocol="paper", progress=False)


class Echo(Model):
    """Says the answer with chatter and counts what it is asked."""

    name = "echo"
    takes_media = False

    def __init__(self, version: str = "1") -> None:
        self.asked = 0
        self.version = version

    def fingerprint(self) -> dict[str, str]:
        return {"version": self.version}

    def answer(self, sample: mma_bench.dataset.load.Sample) -> list[Answer]:
        self.asked += len(sample.questions)
        return [Answer(q.question_id, f"{q.answer} <script>\n\x00\ud800") for q in sample.questions]


def test_a_run_grows_with_its_selection_and_never_mixes_models(demo: Path, tmp_path: Path) -> None:
    run, model = tmp_path / "run", Echo()
    first = mma_bench.evaluate(model, demo, run=run, condition="misaligned", limit=2, protocol="paper", progress=False)
    assert [cell.questions for cell in first.cells] == [2, 2]
    assert first.cell("misaligned", VISUAL).accuracy == 1
    more = {"condition": ["misaligned", "aligned"], "limit": 3, "protocol": "paper"}
    mma_bench.evaluate(model, demo, run=run, **more, progress=False)
    assert model.asked == 12
    assert len(AnswerStore(run).read()) == 12
    with pytest.raises(mma_bench.MMABenchError, match="holds answers of echo"):
        mma_bench.evaluate(Echo("2"), demo, run=run, protocol="paper", progress=False)
    assert len(AnswerStore(run).read()) == 12
    mma_bench.evaluate(Echo("2"), demo, run=run, limit=1, overwrite=True, protocol="paper", progress=False)
    assert json.loads((run / "run.json").read_text())["model_fingerprint"] == {"version": "2"}


class Failing(Echo):
    """Answers twice, then fails."""

    def answer(self, sample: mma_bench.dataset.load.Sample) -> list[Answer]:
        if self.asked >= 2:
            raise mma_bench.MMABenchError("the server is gone")
        return super().answer(sample)


def test_what_was_answered_before_a_failure_is_brought_to_the_disk(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, synced = tmp_path / "run" / "answers.jsonl", []
    sync = AnswerStore.sync

    def counting(store: AnswerStore) -> None:
        sync(store)
        synced.append(len(store.path.read_bytes()) if store.path.is_file() else 0)

    monkeypatch.setattr(AnswerStore, "sync", counting)
    monkeypatch.setattr("mma_bench.evaluation.store._SYNC_SECONDS", float("inf"))
    with pytest.raises(mma_bench.MMABenchError, match="the server is gone"):
        mma_bench.evaluate(Failing(), demo, run=tmp_path / "run", condition="aligned", protocol="paper", progress=False)
    assert synced[-1:] == [len(answers.read_bytes())]
    assert synced[-1] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "oracle"], "unknown model 'oracle'"),
        (["--model", "baseline:best"], "unknown baseline 'best'"),
        (["--model", "cascade", "--model-option", "dtype=float32"], "cascade has no option 'dtype'"),
        (["--model", "cascade", "--model-option", "float32"], "'float32': write each option once, as NAME=VALUE"),
        (
            ["--model", "cascade", "--condition", "aligend"],
            "has no condition 'aligend'; did you mean 'aligned'?",
        ),
        (["--model", "cascade", "--split", "train"], "has no split 'train'"),
        (["--model", "cascade", "--data", "tests"], "tests is not a benchmark"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(
    arguments: list[str], message: str, demo: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "mma_bench",
        "eval",
        "--data",
        str(demo),
        "--run",
        str(tmp_path / "run"),
        *arguments,
    ]
    result = run_command(*command, check=False)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


def test_an_answer_belongs_to_its_media_its_question_and_its_model(demo: Path) -> None:
    first, second = mma_bench.load(demo, condition="aligned").samples[:2]
    question = first.questions[0]
    mine = answer_id(first.stimulus, question, {"version": "1"})
    assert answer_id(second.stimulus, question, {"version": "1"}) != mine
    assert answer_id(first.stimulus, question.model_copy(update={"prompt": "?"}), {"version": "1"}) != mine
    assert answer_id(first.stimulus, question, {"version": "2"}) != mine
    assert answer_id(first.stimulus, question, {"version": "1"}) == mine


def test_a_condition_that_was_named_and_is_not_in_the_protocol_is_not_left_out_silently(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"condition": ["aligned", "mixed_audio"], "limit": 2, "probe": False}
    mma_bench.evaluate("baseline:random", demo, run=tmp_path / "paper", protocol="paper", **given)  # type: ignore[arg-type]
    assert "the protocol paper asks nothing about mixed_audio; `--protocol robust` asks" in capsys.readouterr().err
    mma_bench.evaluate("baseline:random", demo, run=tmp_path / "robust", protocol="robust", **given)  # type: ignore[arg-type]
    assert "asks nothing" not in capsys.readouterr().err
