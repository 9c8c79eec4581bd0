"""Exports: lines that other trainers read, media that is there, and no folder that is half written."""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import mma_bench
from mma_bench.cli import main
from mma_bench.export import export
from mma_bench.export.formats import FORMATS


@pytest.mark.parametrize("form", ["llama-factory", "llama-factory-separate", "ms-swift-separate", "jsonl"])
def test_lines_and_media_of_each_format(demo: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "export"
    with pytest.raises(SystemExit) as exit_code:
        main(["export", "--data", str(demo), "--format", form, "--limit", "1", "--out", str(out)])
    assert exit_code.value.code == 0
    lines = [json.loads(line) for line in (out / "mma_bench.jsonl").read_text().splitlines()]
    rows = list(mma_bench.load(demo, limit=1))
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        if form == "jsonl":
            assert (line["prompt"], line["answer"], line["options"]) == (row.prompt, row.answer, row.options)
            video, audio, target = line["video"], line["audio"], line["target"]
        else:
            user, assistant = line["messages"]
            assert user == {"role": "user", "content": f"<video><audio>{row.prompt}"}
            (video,), (audio,), target = line["videos"], line["audios"], assistant["content"]
        assert (out / video).read_bytes() == row.media.video_bytes
        assert (out / audio).read_bytes() == row.media.audio_bytes
        assert mma_bench.parse_answer(target, row.options).label == (row.answer if row.answerable else None)
    assert (out / "dataset_info.json").is_file() == form.startswith("llama-factory")
    if form.startswith("llama-factory"):
        settings = yaml.safe_load((out / "train.yaml").read_text())
        assert settings["dataset"] in json.loads((out / "dataset_info.json").read_text())
        assert (settings["lora_target"], settings["lora_rank"], settings["video_fps"]) == ("q_proj,v_proj", 8, 8)
        assert settings["use_audio_in_video"] == (form == "llama-factory")
    if form == "ms-swift-separate":
        subprocess.run(["bash", "-n", out / "train.sh"], check=True)
        script = (out / "train.sh").read_text()
        assert "USE_AUDIO_IN_VIDEO=0" in script
        (pattern,) = re.findall("--target_regex '(.*)'", script)
        for inner in ("model.layers", "model.language_model.layers"):  # names of two versions of transformers
            assert re.match(pattern, f"thinker.{inner}.0.self_attn.q_proj")
        for tower in ("audio_tower.layers", "model.audio_tower.layers"):
            assert not re.match(pattern, f"thinker.{tower}.0.self_attn.q_proj")
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_ms_swift_gets_both_streams_in_one_file_and_takes_the_audio_from_it(demo: Path, tmp_path: Path) -> None:
    """Audio as a second file would be placed after the video, where the evaluator interleaves the two."""
    out = tmp_path / "export"
    export(demo, out, form="ms-swift", condition=["aligned", "misaligned", "audio_removed"], limit=2)
    subprocess.run(["bash", "-n", out / "train.sh"], check=True)
    assert "USE_AUDIO_IN_VIDEO=1" in (out / "train.sh").read_text()
    lines = [json.loads(line) for line in (out / "mma_bench.jsonl").read_text().splitlines()]
    rows = list(mma_bench.load(demo, condition=["aligned", "misaligned", "audio_removed"], limit=2))
    for line, row in zip(lines, rows, strict=True):
        assert line["messages"][0]["content"] == f"<video>{row.prompt}"
        assert "audios" not in line
        (video,) = line["videos"]
        with av.open(str(out / video)) as file:
            assert [stream.type for stream in file.streams] == ["video", "audio"]
            heard = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])
        with av.open(io.BytesIO(row.media.audio_bytes)) as file:
            expected = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])
        assert np.array_equal(heard, expected[: len(heard)])
        assert abs(len(heard) / 16_000 - row.media.seconds) < 0.3
    assert len(list((out / "media").iterdir())) == len({row.key for row in rows})


def test_an_export_of_one_condition_holds_each_stream_once_and_says_how_much_to_play(
    demo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "export"
    count = export(demo, out, form="jsonl", condition=["aligned", "frames_zeroed"], limit=4, absolute=True)
    lines = [json.loads(line) for line in (out / "mma_bench.jsonl").read_text().splitlines()]
    rows = list(mma_bench.load(demo, condition=["aligned", "frames_zeroed"], limit=4))
    assert len(lines) == len(rows) == count == 16
    assert {line["condition"] for line in lines} == {"aligned", "frames_zeroed"}
    streams = {stream for row in rows for stream in (row.media.video_bytes, row.media.audio_bytes)}
    assert len(list((out / "media").iterdir())) == len(streams)
    for line, row in zip(lines, rows, strict=True):
        assert Path(line["video"]).is_absolute()
        assert Path(line["video"]).read_bytes() == row.media.video_bytes
        assert line["seconds"] == row.media.seconds


def test_questions_are_exported_in_other_wordings(demo: Path, tmp_path: Path) -> None:
    wordings = ["shuffled_options_1", "none_present"]
    export(demo, tmp_path / "standard", form="jsonl", condition="misaligned", limit=2)
    arguments = [
        "--condition",
        "misaligned",
        "--limit",
        "2",
        *(part for name in wordings for part in ("--variant", name)),
    ]
    for out in ("a", "b"):
        with pytest.raises(SystemExit) as exit_code:
            main(["export", "--data", str(demo), "--format", "jsonl", *arguments, "--out", str(tmp_path / out)])
        assert exit_code.value.code == 0
    plain, a, b = (
        [json.loads(line) for line in (tmp_path / name / "mma_bench.jsonl").read_text().splitlines()]
        for name in ("standard", "a", "b")
    )
    assert a == b
    assert [line["variant"] for line in a] == 2 * [name for name in wordings for _ in range(2)]
    for line in a:
        (standard,) = (
            p
            for p in plain
            if (p["video"], p["audio"], p["modality"]) == (line["video"], line["audio"], line["modality"])
        )
        assert line["prompt"] != standard["prompt"]
        assert line["answer"] == standard["answer"]
        assert set(line["options"]) >= set(standard["options"])
    with pytest.raises(mma_bench.MMABenchError, match="there is no variant 'rhymed'"):
        export(demo, tmp_path / "c", form="jsonl", variants=["rhymed"])


def test_a_failed_export_leaves_nothing_and_a_full_folder_is_kept(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("mma_bench.export.write.write_text", full)
        with pytest.raises(OSError, match="No space"):
            export(demo, tmp_path / "out", form="jsonl", condition="aligned", limit=1)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("mine")
    with pytest.raises(mma_bench.MMABenchError, match="is not empty"):
        export(demo, tmp_path / "kept", form="jsonl", limit=1)


def test_of_two_exports_to_one_folder_one_is_there_and_one_says_so(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, ours = tmp_path / "out", FORMATS["ms-swift"]
    out.mkdir()

    def other_first(row: mma_bench.dataset.load.QuestionRow, media: Sequence[str]) -> dict[str, object]:
        if not any(out.iterdir()):  # another export begins and ends while this one runs
            export(demo, out, form="jsonl", condition="aligned", limit=1)
        return ours.line(row, media)

    changed = replace(FORMATS.entry("ms-swift"), value=replace(ours, line=other_first))
    monkeypatch.setitem(FORMATS._known, "ms-swift", changed)
    with pytest.raises(mma_bench.MMABenchError, match="was filled meanwhile"):
        export(demo, out, form="ms-swift", condition="aligned", limit=2)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    keys = {
        json.loads(line)["question_id"].split("/")[0] for line in (out / "mma_bench.jsonl").read_text().splitlines()
    }
    assert len(keys) == 1


@pytest.mark.parametrize("what", ["parent", "staging"])
def test_an_export_whose_folder_is_removed_meanwhile_is_one_line(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    parent, ours = tmp_path / "exports", FORMATS["ms-swift"]

    def remove_first(row: mma_bench.dataset.load.QuestionRow, media: Sequence[str]) -> dict[str, object]:
        for folder in [parent] if what == "parent" else parent.glob(".*"):
            shutil.rmtree(folder, ignore_errors=True)
        return ours.line(row, media)

    changed = replace(FORMATS.entry("ms-swift"), value=replace(ours, line=remove_first))
    monkeypatch.setitem(FORMATS._known, "ms-swift", changed)
    arguments = ["export", "--data", str(demo), "--format", "ms-swift", "--limit", "1", "--out", str(parent / "out")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.exception
    assert len(result.stderr.splitlines()) == 1
    assert "removed meanwhile" in result.stderr
