"""The `folder` source on real clips, on hostile files, and on the ways in which a list can be wrong."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builder.cli import main
from mma_bench import load
from mma_bench.dataset.integrity import verify_data
from tests.conftest import SMALL, run_builder, settings

SECRET = "filmed at home by A. Person"
AWKWARD = "a \"quoted\" 'näme' 猫 $(x) %d.mp4"


def ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True)


@pytest.fixture(scope="module")
def hostile_folder(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 15 real clips beside every kind of file that a folder of downloads holds."""
    folder = tmp_path_factory.mktemp("clips")
    shutil.copytree(shared / "clips", folder, dirs_exist_ok=True)
    for path in folder.iterdir():
        path.chmod(0o644)
    good = folder / "canidae_aligned.mp4"
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    content = (folder / "vgg_0f0Rq7e5yX8_000160.mp4").read_bytes()
    ffmpeg("-i", str(good), "-c", "copy", "-movflags", "+faststart", str(folder / "front.mp4"))
    front = (folder / "front.mp4").read_bytes()
    (folder / "truncated_end.mp4").write_bytes(content[: len(content) // 2])
    (folder / "truncated_front.mp4").write_bytes(front[: len(front) // 6])
    (folder / "front.mp4").unlink()
    ffmpeg("-i", str(good), "-an", "-c", "copy", str(folder / "no_audio.mp4"))
    ffmpeg("-i", str(good), "-vn", "-c", "copy", str(folder / "no_video.mp4"))
    ffmpeg("-i", str(good), "-af", "volume=0", "-c:v", "copy", str(folder / "silent.mp4"))
    ffmpeg("-i", str(good), "-vf", "drawbox=t=fill:c=black", "-c:a", "copy", str(folder / "black.mp4"))
    ffmpeg("-i", str(good), "-vf", "loop=-1:1", "-t", "3", "-c:a", "copy", str(folder / "frozen.mp4"))
    ffmpeg("-i", str(good), "-c", "copy", "-metadata", f"title={SECRET}", "-f", "mp4", str(folder / AWKWARD))
    with open(shared / "clips" / "clips.csv", newline="") as file:
        rows = [
            (row["file"], row["visual_label"], row["audio_label"], row["youtube_id"]) for row in csv.DictReader(file)
        ]
    odd = [
        "empty",
        "text",
        "truncated_end",
        "truncated_front",
        "no_audio",
        "no_video",
        "silent",
        "black",
        "frozen",
    ]
    rows += [(f"{name}.mp4", "Canidae", "Canidae", "") for name in [*odd, "missing"]]
    rows.append((AWKWARD, "Canidae", "Canidae", ""))
    with open(folder / "list.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "visual_label", "audio_label", "youtube_id"), *rows])
    return folder


@pytest.fixture(scope="module")
def hostile_build(hostile_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build all of it; return the work folder and the dataset."""
    folder = tmp_path_factory.mktemp("hostile")
    config = folder / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {hostile_folder / 'list.csv'}}}\n")
    work, out = folder / "work", folder / "out"
    run_builder("run", "--config", str(config), "--work", str(work), "--out", str(out), *settings(*SMALL))
    return work, out


def test_bad_files_are_dropped_with_their_reason_and_the_rest_is_built(
    hostile_build: tuple[Path, Path],
) -> None:
    work, _ = hostile_build
    status = json.loads(run_builder("status", "--work", str(work), "--json").stdout)
    assert {clip["file"]: (clip["stage"], clip["reason"]) for clip in status["dropped"]} == {
        "empty.mp4": ("fetch", "empty_file"),
        "missing.mp4": ("fetch", "missing_file"),
        "text.mp4": ("normalise", "undecodable"),
        "truncated_end.mp4": ("normalise", "undecodable"),
        "truncated_front.mp4": ("normalise", "truncated"),
        "no_audio.mp4": ("normalise", "no_audio_stream"),
        "no_video.mp4": ("normalise", "no_video_stream"),
        "silent.mp4": ("inspect", "digital_silence"),
        "black.mp4": ("inspect", "black_video"),
        "frozen.mp4": ("inspect", "frozen_video"),
    }
    assert status["funnel"][0]["in"] == 26
    assert status["funnel"][-1]["kept"] == 16
    shown = run_builder("status", "--work", str(work)).stdout
    assert all(clip["file"] in shown and clip["reason"] in shown for clip in status["dropped"])


def test_names_and_metadata_of_source_files_are_not_published(
    hostile_folder: Path, hostile_build: tuple[Path, Path]
) -> None:
    assert SECRET.encode() in (hostile_folder / AWKWARD).read_bytes()
    for path in (hostile_build[1] / "data").rglob("*.tar"):
        assert SECRET.encode() not in path.read_bytes()


def test_streams_that_disagree_become_misaligned_as_they_are_and_never_aligned(
    hostile_build: tuple[Path, Path],
) -> None:
    _, out = hostile_build
    clips = {row["clip_id"]: row for row in pq.read_table(out / "metadata" / "clips.parquet").to_pylist()}
    disagreeing = {name for name, clip in clips.items() if clip["visual_label"] != clip["audio_label"]}
    assert len(disagreeing) == 9
    aligned = {row.video_clip_id for row in load(out, condition="aligned")}
    assert aligned == clips.keys() - disagreeing
    rows = [row for row in load(out, condition="misaligned") if row.video_clip_id in disagreeing]
    assert len(rows) == 2 * len(disagreeing)
    for row in rows:
        assert row.audio_clip_id == row.video_clip_id
        assert {row.answer, row.distractor} == {row.video_label, row.audio_label}


def test_real_clips_of_all_sizes_and_rates_are_normalised(shared: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"source: {{kind: folder, csv: {shared / 'clips' / 'clips.csv'}}}\nassemble: {{conditions: [aligned]}}\n"
    )
    work, out = tmp_path / "work", tmp_path / "out"
    places = ["--work", str(work), "--out", str(out)]
    run_builder("run", "--config", str(config), *places, *settings("normalise.seconds=3"))
    clips = sorted((work / "normalise" / "clips").rglob("*.mp4"))
    assert len(clips) == 15
    for clip in clips:
        video = json.loads(
            probe(clip, "-show_entries", "stream=codec_name,width,height,avg_frame_rate,nb_frames:format_tags")
        )
        (stream,) = video["streams"]
        assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 504, 504)
        numerator, denominator = map(int, stream["avg_frame_rate"].split("/"))
        rate = numerator / denominator
        assert rate <= 30
        assert 2.5 < int(stream["nb_frames"]) / rate <= 3.0 + 1 / rate
        packets = json.loads(probe(clip, "-show_entries", "packet=pts_time,flags"))["packets"]
        times = [float(packet["pts_time"]) for packet in packets if "K" in packet["flags"]]
        assert all(i / 2 - 0.001 <= time < i / 2 + 1 / rate for i, time in enumerate(times))
        assert "encoder" not in video["format"].get("tags", {})
        (sound,) = json.loads(probe(clip.with_suffix(".flac"), "-show_streams"))["streams"]
        assert (sound["codec_name"], sound["channels"], sound["sample_rate"]) == ("flac", 1, "16000")
        assert sound["bits_per_raw_sample"] == "16"


def probe(path: Path, *what: str) -> str:
    command = ["ffprobe", "-v", "error", *what, "-of", "json", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na.mp4,Cat\n", "the header must name `file`"),
        ("file,label\na.mp4,\n", "row 2: '' cannot be a class name"),
        ('file,label\na.mp4,"Cat, black"\n', "row 2: 'Cat, black' cannot be a class name"),
        ("file,label\na.mp4,Cat\nb.mp4\n", "row 3: 2 columns expected"),
        ("file,label\n../a.mp4,Cat\nb.mp4,Dog\n", "must be below the media folder"),
        ("file,label,start_seconds\na.mp4,Cat,soon\nb.mp4,Dog,0\n", "row 2: start_seconds must be a number"),
        ("file,label\na.mp4,Cat\na.mp4,Dog\n", "row 3: the same segment of 'a.mp4' is listed twice (row 2)"),
        ("file,label\n./a.mp4,Cat\na.mp4,Dog\n", "row 3: the same segment of 'a.mp4' is listed twice (row 2)"),
        (
            "file,label\n\nb//a.mp4,Cat\n,\nb/./a.mp4,Dog\n",
            "row 5: the same segment of 'b/a.mp4' is listed twice (row 3)",
        ),
        ("file,label\na.mp4,Cat\nb.mp4,Dog,,\n", "row 3: 2 columns expected"),
        ("file,label\na.mp4,Cat\n", "need at least two class names"),
        ("file,label\n", "lists no clip"),
        ("file,label\na.mp4,Cat\nb.mp4,Dog\n", "no clip of 2 is left"),
    ],
)
def test_a_wrong_list_is_one_line_and_exit_code_2(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(text)
    result = build_here(tmp_path / "list.csv", tmp_path, tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_what_is_odd_in_a_list_is_named_on_the_console_and_the_card(shared: Path, tmp_path: Path) -> None:
    for name in ("bird.mp4", "dog.mp4", "again.mp4"):  # one recording under two labels, and once more
        shutil.copyfile(shared / "clips" / "canidae_aligned.mp4", tmp_path / name)
    shutil.copyfile(shared / "clips" / "caption_peturb.mp4", tmp_path / "other.mp4")
    rows = [
        "file,label,licence",
        ",,",
        "bird.mp4,Bird,x",
        "dog.mp4,Dog,x",
        " , ,",
        "again.mp4,Dog,x",
        "other.mp4,Bird,x",
    ]
    (tmp_path / "list.csv").write_text("\n".join([*rows, ""]))
    config = tmp_path / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {tmp_path / 'list.csv'}}}\n")
    places = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    result = run_builder("run", "--config", str(config), *places, *settings(*SMALL))
    commas = "list.csv: rows 2, 5 hold only commas and were left out"
    same = "the same bytes under different labels, of which at most one is right: "
    same += "bird_0 (Bird), dog_0 (Dog), again_0 (Dog)"
    card = (tmp_path / "out" / "README.md").read_text()
    for notice in (commas, same):
        assert f"Noticed: {notice}\n" in result.stdout
        assert f"- Noticed by the build: {notice}\n" in card
    assert verify_data(tmp_path / "out") == []


def test_a_folder_that_is_no_dataset_is_never_replaced(tmp_path: Path, hostile_folder: Path) -> None:
    thesis = tmp_path / "thesis" / "chapter.tex"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    result = build_here(hostile_folder / "list.csv", tmp_path, thesis.parent)
    assert result.exit_code == 2
    assert "is not a dataset of this builder" in result.stderr
    assert thesis.read_text() == "years of work"


def build_here(clips: Path, work: Path, out: Path) -> Result:
    """Run the builder in this process: for runs that end before any work."""
    config = work / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {clips}}}\nexecutor: {{workers: 1}}\n")
    return CliRunner().invoke(main, ["run", "--config", str(config), "--work", str(work / "work"), "--out", str(out)])
