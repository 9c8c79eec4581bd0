"""AVHBench: its real questions, asked about real clips that are named as its videos."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result

from mma_bench.avhbench import evaluate_avhbench
from mma_bench.avhbench.questions import read_questions, repeated
from mma_bench.avhbench.scores import score_tasks
from mma_bench.avhbench.videos import find_videos, silent_video
from mma_bench.cli import main
from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.files.lock import hold
from mma_bench.models import Answer, Model

HALLUCINATIONS = {"visual": "Audio-driven Video Hallucination", "audio": "Video-driven Audio Hallucination"}
CLIPS = {  # video id: clip, what is seen, what is heard
    "00001": ("vgg_0f0Rq7e5yX8_000160.mp4", "water", "water"),
    "00002": ("Y3CZ1i2_tKn0_repDiff_Door_0.mp4", "dog", "door"),
    "00003": ("YA_0xhMEZ1Cg_repDiff_Frying_food_0.mp4", "trumpet", "frying food"),
}


@pytest.fixture
def videos(shared: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for video_id, (clip, _, _) in CLIPS.items():
        shutil.copy(shared / "clips" / clip, folder / f"{video_id}.mp4")
    return folder


@pytest.fixture
def qa(tmp_path: Path) -> Path:
    """Two questions of each sense about each clip, a repeated one, a contradiction, one of each other task."""
    rows: list[dict[str, str]] = []
    for video_id, (_, seen, heard) in CLIPS.items():
        for asked in {seen, heard}:
            for task, form, present in (
                ("visual", "Is the {} visible in the video?", seen),
                ("audio", "Is the {} making sound in the audio?", heard),
            ):
                label = "Yes" if asked == present else "No"
                rows.append(row(video_id, HALLUCINATIONS[task], form.format(asked), label))
    rows += [rows[0], {**rows[0], "label": "No"}]
    rows.append(row("00001", "AV Matching", "Are the contexts of audio and visual content matching?", "Yes"))
    rows.append(row("00001", "AV Captioning", "Describe what you see and hear in a single sentence.", "Water runs."))
    path = tmp_path / "QA.json"
    path.write_text(json.dumps(rows))
    return path


def row(video_id: str, task: str, text: str, label: str) -> dict[str, str]:
    return {"video_id": video_id, "task": task, "text": text, "label": label}


class Listener(Model):
    """Counts frames and samples of each video that it is asked about, and always says yes."""

    name = "listener"

    def __init__(self) -> None:
        self.got: dict[str, tuple[int, float]] = {}
        self.prompts: list[str] = []

    def fingerprint(self) -> dict[str, str]:
        return {"model": self.name}

    def answer(self, sample: Sample) -> list[Answer]:
        sound = sample.media.audio()
        self.got[sample.stimulus.key] = (len(sample.media.frames(2)), float(np.abs(sound).max()))
        self.prompts += [question.prompt for question in sample.questions]
        return [Answer(q.question_id, "Yes." if q.options else "<script>A dog\ud800") for q in sample.questions]


def test_the_published_questions_are_read_and_their_repetitions_found(shared: Path) -> None:
    rows = read_questions(shared / "avhbench" / "QA.json")
    assert len(rows) == 6408
    assert len({row.video_id for row in rows}) == 2136
    assert all(row.asked_object for row in rows if row.task.endswith("hallucination"))
    twice = repeated(rows)
    assert [group.contradicts for group in twice] == [True] * 2 + [False] * 5
    assert sorted(twice[0].labels) == ["No", "Yes"]
    always_yes = score_tasks(rows, {(row.video_id, row.name): "Yes" for row in rows})
    assert [task.questions for task in always_yes] == [1136, 2290, 1876]
    for task in always_yes:
        assert (task.accuracy.value, task.precision and task.precision.value) == (0.5, 0.5)
        assert (task.recall and task.recall.value, task.yes_rate.value) == (1, 1)
        assert task.f1
        assert task.f1.value == pytest.approx(2 / 3)
        assert 0.45 < task.accuracy.low < 0.5 < task.accuracy.high < 0.55
    silent = score_tasks(rows, {(row.video_id, row.name): "I cannot tell." for row in rows})
    assert all(task.accuracy.value == task.yes_rate.value == 0 and task.precision is None for task in silent)
    assert all(task.unparsed_rate == 1 for task in silent)


def test_a_video_reaches_the_model_uncut_and_unencoded(videos: Path) -> None:
    found, problems = find_videos(videos, CLIPS)
    assert not problems
    for video in found.values():
        packets = []
        with av.open(str(video.path)) as source:
            packets.append([bytes(packet) for packet in source.demux(source.streams.video[0]) if packet.size])
        (videos / "copy.mp4").write_bytes(silent_video(video.path))
        with av.open(str(videos / "copy.mp4")) as silent:
            assert not silent.streams.audio
            packets.append([bytes(packet) for packet in silent.demux(silent.streams.video[0]) if packet.size])
        assert packets[0] == packets[1]
        media = video.sample().media
        with av.open(str(video.path)) as source:
            frames = [(frame.time, frame) for frame in source.decode(video=0)]
        for index, picture in enumerate(media.frames(2)):
            frame = next(frame for time, frame in frames if (time or 0) >= index / 2 - 1e-3)
            assert np.array_equal(picture, frame.to_ndarray(format="rgb24"))  # also where no key frame stands
        assert len(media.audio()) == pytest.approx(16000 * video.seconds, abs=1600)


def test_a_run_is_scored_resumed_and_kept_apart(videos: Path, qa: Path, tmp_path: Path) -> None:
    model, run = Listener(), tmp_path / "run"
    scores = evaluate_avhbench(model, qa, videos, run=run, check_reach=False, progress=False)
    assert {key for key, (frames, level) in model.got.items() if frames > 9 and level > 0.01} == {
        f"avhbench_{video_id}" for video_id in CLIPS
    }
    assert all(prompt.endswith("? Answer with Yes or No.") for prompt in model.prompts[:-1])
    assert model.prompts[-1] == "Describe what you see and hear in a single sentence."
    assert len(model.prompts) == 12  # the repeated question is asked once
    by_task = {task.task: task for task in scores.tasks}
    visual = by_task["audio_driven_video_hallucination"]
    assert (visual.questions, visual.videos, visual.yes_rate.value, visual.unparsed_rate) == (7, 3, 1, 0)
    assert visual.accuracy.value == pytest.approx(4 / 7)
    assert visual.recall
    assert (visual.recall.value, visual.recall.high) == (1, 1)
    assert 0.3 < visual.recall.low < 1
    assert by_task["av_matching"].accuracy.value == 1
    assert (scores.captions, scores.unanswered, [group.contradicts for group in scores.repeated]) == (1, 0, [True])
    kept = json.loads((run / "scores.json").read_text())
    assert kept["protocol"]["suffix"] == json.loads((run / "avhbench.json").read_text())["suffix"]
    assert kept["published"]["accuracy"]["audio_driven_video_hallucination"]["Gemini-Flash"] == 83.3
    answers = (run / "answers.jsonl").read_bytes()
    (run / "answers.jsonl").write_bytes(answers[: len(answers) // 2])
    evaluate_avhbench(model, qa, videos, run=run, check_reach=False, progress=False)
    assert sorted((run / "answers.jsonl").read_bytes().splitlines()) == sorted(answers.splitlines())
    with pytest.raises(MMABenchError, match="holds answers of listener"):
        evaluate_avhbench("baseline:majority", qa, videos, run=run, progress=False)


def avhbench(qa: Path, videos: Path, run: Path, *arguments: str) -> Result:
    command = ["avhbench", "--qa", str(qa), "--videos", str(videos), "--run", str(run), *arguments]
    return CliRunner().invoke(main, command)


def test_the_command_names_missing_videos_and_goes_on_without_them_when_told(
    videos: Path, qa: Path, tmp_path: Path
) -> None:
    (videos / "00002.mp4").unlink()
    (videos / "00003.mp4").write_bytes((videos / "00001.mp4").read_bytes()[:4000])
    run = tmp_path / "run"
    refused = avhbench(qa, videos, run, "--model", "baseline:random")
    assert refused.exit_code == 2
    assert "2 of 3 videos cannot be asked about" in refused.stderr
    assert "00002: missing; 00003: 00003.mp4 cannot be read" in refused.stderr
    assert not run.exists()
    table = avhbench(qa, videos, run, "--model", "baseline:random", "--allow-missing")
    assert table.exit_code == 0
    assert "Gemini-Flash (published, not re-run)" in table.stdout
    assert "contradicts itself; all count" in table.stdout
    assert "2 videos were left out: 00002, 00003" in table.stdout
    said = avhbench(qa, videos, run, "--model", "baseline:random", "--allow-missing", "--json")
    scores: dict[str, Any] = json.loads(said.stdout)
    assert set(scores["videos_not_asked"]) == {"00002", "00003"}
    assert scores["captions"] == {"scored": False, "stored": 0}  # a rule cannot write
    assert all(task["unparsed_rate"] == 0 for task in scores["tasks"])


@pytest.mark.slow
def test_the_cascade_answers_what_it_can(videos: Path, qa: Path, tmp_path: Path) -> None:
    scores = evaluate_avhbench("cascade", qa, videos, run=tmp_path / "run", progress=False)
    found = {task.task: task for task in scores.tasks}
    assert found["video_driven_audio_hallucination"].accuracy.value > 0.5
    assert found["video_driven_audio_hallucination"].unparsed_rate == 0
    assert found["av_matching"].unparsed_rate == 1  # it looks at one stream a question and cannot compare
    assert json.loads((tmp_path / "run" / "probe.json").read_text())["findings"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "Input should be a valid (list|array)"),
        ("[", "Invalid JSON"),
        ('[{"video_id": "../../etc/passwd", "task": "AV Matching", "text": "?", "label": "Yes"}]', "video_id"),
        ('[{"video_id": "1", "task": "AV Matching", "text": "?", "label": "Maybe"}]', "must be Yes or No"),
        ('[{"video_id": "1", "task": "Other", "text": "?", "label": "Yes"}]', "unknown task 'Other'"),
        ('[{"video_id": "1", "task": "AV Matching", "label": "Yes"}]', r"0\.text: this field is required"),
    ],
)
def test_a_damaged_file_of_questions_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "QA.json"
    path.write_text(content)
    with pytest.raises(MMABenchError, match=message):
        read_questions(path)


def test_a_run_does_not_begin_in_a_folder_that_a_quiz_fills(videos: Path, qa: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    opened = os.open(tmp_path / "run", os.O_RDONLY)
    hold(opened)
    try:
        with pytest.raises(MMABenchError, match="a quiz is writing to"):
            evaluate_avhbench(Listener(), qa, videos, run=tmp_path / "run", overwrite=True, progress=False)
    finally:
        os.close(opened)
    assert not any((tmp_path / "run").iterdir())
