"""The script that asks AVHBench's yes/no form about the clips of a dataset."""

import json
import runpy
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mma_bench import MMABenchError, load
from mma_bench.avhbench.questions import read_questions
from mma_bench.avhbench.videos import find_videos
from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "yes_no_form.py"
LESSONS = ROOT / "scripts" / "proof" / "yes_no_lessons.py"
WITHOUT = ROOT / "scripts" / "without_training.py"


def test_the_form_is_balanced_and_asks_under_conflict_about_the_other_modality(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    out = tmp_path / "out"
    given = ["--model", "baseline:random", "--data", str(demo), "--out", str(out), "--limit", "3"]
    monkeypatch.setattr("sys.argv", [str(SCRIPT), *given])
    module = runpy.run_path(str(SCRIPT), run_name="__main__")
    torch.set_num_threads(threads)
    rows = read_questions(out / "QA.json")
    assert len(rows) == 6 * 5
    for task in {row.task for row in rows}:
        labels = [row.label for row in rows if row.task == task]
        assert labels.count("Yes") == labels.count("No")
    samples = {
        one.stimulus.key: one for name in ("aligned", "misaligned") for one in load(demo, condition=name).samples
    }
    for row in rows:
        stimulus = samples[row.video_id.rsplit("-", 1)[0]].stimulus
        seen, heard = (str(stream.label).replace("_", " ").lower() for stream in (stimulus.video, stimulus.audio))
        about = {"audio_driven_video_hallucination": seen, "video_driven_audio_hallucination": heard}.get(row.task)
        right = seen == heard if about is None else f" the {about} " in row.text
        assert row.label == ("Yes" if right else "No"), row.text
        if about and not right and seen != heard:  # under conflict, what the other modality suggests is denied
            assert f" the {heard if about == seen else seen} " in row.text
    videos, problems = find_videos(out / "videos", {row.video_id for row in rows})
    assert (len(videos), problems) == (6, {})
    table = (out / "table.md").read_text().splitlines()
    assert table[0] == "| question, clips | n | bare | +prompt | +solo |"
    assert table[-1].startswith("| answered neither Yes nor No: do they match | | 0 [0, ")
    written = json.loads((out / "table.json").read_text())
    found = {(one["wrapper"], one["task"], one["condition"]): one for one in written}
    bare = found["", "video_driven_audio_hallucination", "misaligned"]
    assert (bare["questions"], bare["difference"]) == (6, None)
    scores = json.loads((out / "bare" / "scores.json").read_text())["tasks"]
    ours = [found["", one["task"], "both"]["accuracy"]["value"] for one in scores]
    assert ours == pytest.approx([one["accuracy"]["value"] for one in scores], abs=1e-6), (
        "what `mma-bench avhbench` says, too"
    )
    assert found["prompt", "video_driven_audio_hallucination", "misaligned"]["difference"]["value"] == 0
    asked = module["write_questions"](module["draw"](str(demo), 3), tmp_path / "again")
    truth = [one.row.label.lower() for one in asked]
    said = {"": ["unparsed"] * len(truth), "prompt": truth}
    cell = module["_cell"](asked, said, "prompt", "video_driven_audio_hallucination", "both")
    assert (cell["accuracy"]["value"], cell["difference"]["value"], cell["neither"]["value"]) == (1, 1, 0)


def test_a_limit_takes_the_same_clips_of_all_classes_in_both_conditions(demo: Path) -> None:
    draw = runpy.run_path(str(SCRIPT))["draw"]
    everything = draw(str(demo), None)
    classes = {sample.stimulus.video.label for _, sample in everything}
    drawn = draw(str(demo), len(classes))
    clips = {
        condition: [one.stimulus.video for name, one in drawn if name == condition]
        for condition in ("aligned", "misaligned")
    }
    aligned, misaligned = ({one.clip_id for one in some} for some in clips.values())
    assert aligned == misaligned
    assert set(Counter(one.label for one in clips["aligned"]).values()) == {1}
    assert {one.label for one in clips["aligned"]} == classes
    fewer = {sample.stimulus.video.clip_id for _, sample in draw(str(demo), 3)}
    assert len(fewer) == 3, "per condition, and"
    assert fewer < aligned, "the first ones of a longer draw"


def test_other_media_are_other_videos_and_other_questions_are_refused(demo: Path, tmp_path: Path) -> None:
    module = runpy.run_path(str(SCRIPT))
    drawn = module["draw"](str(demo), 1)
    module["write_questions"](drawn, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*.*")}
    condition, sample = drawn[0]
    audio = sample.stimulus.audio.model_copy(update={"sha256": "0" * 64})
    rebuilt = replace(sample, stimulus=sample.stimulus.model_copy(update={"audio": audio}))
    for others in (module["draw"](str(demo), 2), [(condition, rebuilt), *drawn[1:]]):
        with pytest.raises(MMABenchError, match=r"QA.json has other questions .*; choose another --out"):
            module["write_questions"](others, tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_two_classes_are_enough(demo: Path) -> None:
    module = runpy.run_path(str(SCRIPT))
    for condition, sample in module["draw"](str(demo), None):
        seen, heard = sample.stimulus.video.label, sample.stimulus.audio.label
        other = next(name for name in sample.questions[0].options if name != seen)
        two = [seen, other if seen == heard else heard]
        if module["_alike"](*two):
            continue
        question = sample.questions[0].model_copy(update={"options": two})
        labels = [row[2] for row in module["_questions"](replace(sample, questions=[question]), condition)]
        assert (labels.count("Yes"), labels.count("No")) in ((2, 3), (3, 2))


MODEL = ("--model", "baseline:random")


@pytest.mark.parametrize(
    ("script", "given", "message"),
    [
        (SCRIPT, [*MODEL, "--data", "nothing", "--out", "out"], "nothing is not a benchmark"),
        (SCRIPT, [*MODEL, "--data", "DEMO", "--out", "out", "--limit", "-1"], "--limit -1: it must be at least 1"),
        (SCRIPT, [*MODEL, "--data", "DEMO", "--out", "out", "--threads", "0"], "--threads 0: it must be at least 1"),
        (
            SCRIPT,
            [*MODEL, "--data", "DEMO", "--out", "out", "--model-option", "fps"],
            "each option once, as NAME=VALUE",
        ),
        (SCRIPT, [*MODEL, "--data", "DEMO", "--out", "out", "--wrapper", "contrast"], "+contrast adds up the logits"),
        (SCRIPT, ["--model", "nothing", "--data", "DEMO", "--out", "out"], "nothing"),
        (SCRIPT, [*MODEL, "--data", "DEMO", "--out", "a file"], "a file"),
        (LESSONS, ["--base", "nothing", "--out", "a file"], "a file already exists"),
        (LESSONS, ["--base", "nothing", "--out", "out"], "nothing"),
        (LESSONS, ["--base", "nothing", "--out", "out", "--steps", "0"], "--steps 0: it must be at least 1"),
        (WITHOUT, [*MODEL, "--data", "nothing", "--out", "out"], "nothing is not a benchmark"),
        (WITHOUT, [*MODEL, "--data", "DEMO", "--out", "out", "--model-option", "fps"], "as NAME=VALUE"),
    ],
)
def test_errors_of_a_user_are_one_line(
    demo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: Path,
    given: list[str],
    message: str,
) -> None:
    threads = torch.get_num_threads()
    (tmp_path / "a file").write_text("kept")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(script), *(str(demo) if one == "DEMO" else one for one in given)])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(script), run_name="__main__")
    torch.set_num_threads(threads)
    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert [path.name for path in tmp_path.iterdir() if path.name != "mma-bench"] == ["a file"]
    assert (tmp_path / "a file").read_text() == "kept"
