"""Re-uploads: found however they are encoded, cut or scaled, and kept out of training."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from builder.compare.ragged import Ragged
from builder.compare.search import equal_sounds, equal_videos
from builder.compare.settings import CompareSettings
from builder.manifest import Copies, ManifestRow
from builder.manifest_file import read_manifest
from tests.conftest import SMALL, run_builder, settings

ACCORDION, FROG = "caption_peturb.mp4", "YRz7RBslEAG0_repDiff_Frog_0.mp4"  # one video, two sounds
GLASS, GLASS_TOO = "Y7xkj4XqaynU_repDiff_Glass_0.mp4", "YhRHKxyErgZw_repDiff_Glass_0.mp4"  # one sound, two videos
CANIDAE, CASH = "canidae_aligned.mp4", "misaligned_printer_aud_cashregis_video.mp4"
FRYING = "YA_0xhMEZ1Cg_repDiff_Frying_food_0.mp4"
NEW = "vgg_6VBURvUgzls_000030.mp4"  # stands in no test split
OFFICIAL_ID = "-JUBdOr8Hes"


def encode(target: Path, source: Path, *options: str) -> None:
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *options, "-t", "8", "-preset", "ultrafast"]
    subprocess.run([*command, str(target)], check=True)


@pytest.fixture(scope="module")
def folder(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real test clips, and training clips of which most are theirs in disguise."""
    folder = tmp_path_factory.mktemp("reuploads")
    with open(shared / "clips" / "clips.csv", newline="") as file:
        clips = {row["file"]: row for row in csv.DictReader(file)}
    rows = [("file", "visual_label", "audio_label", "youtube_id", "split")]
    for name in (ACCORDION, FROG, GLASS, GLASS_TOO, CANIDAE, CASH, FRYING):
        shutil.copy(shared / "clips" / name, folder / name)
        clip = clips[name]
        rows.append((name, clip["visual_label"], clip["audio_label"], clip["youtube_id"], "test"))
    shutil.copy(folder / CANIDAE, folder / "copy.mp4")
    rows.append(("copy.mp4", "Canidae", "Canidae", "one_id", "test"))
    canidae, cash, new = folder / CANIDAE, folder / CASH, shared / "clips" / NEW
    quiet = ("-af", "volume=-9dB", "-c:a", "libmp3lame", "-b:a", "64k")
    encode(folder / "smaller.mp4", canidae, "-vf", "crop=iw*0.95:ih*0.95,scale=240:-2", "-crf", "30", *quiet)
    encode(folder / "shifted.mp4", cash, "-ss", "1.3", "-crf", "26", "-b:a", "64k")
    encode(folder / "other_sound.mp4", canidae, "-i", str(new), "-map", "0:v", "-map", "1:a")
    encode(folder / "other_video.mp4", new, "-i", str(cash), "-map", "0:v", "-map", "1:a", "-b:a", "64k")
    for name in ("same_id.mp4", "official.mp4", "clean.mp4"):
        encode(folder / name, new, "-vf", "scale=320:-2")
    ids = {"same_id.mp4": "one_id", "official.mp4": OFFICIAL_ID, "shifted.mp4": "another"}
    for name in ("smaller", "shifted", "other_sound", "other_video", "same_id", "official", "clean"):
        rows.append((f"{name}.mp4", "Canidae", "Canidae", ids.get(f"{name}.mp4", ""), "train"))
    with open(folder / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def build(folder: Path, *changes: str) -> dict[str, tuple[str, str]]:
    """Build; return stage and reason of the dropped clips."""
    config = folder / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {folder / 'list.csv'}}}\n")
    fast = settings(*SMALL, "normalise.seconds=8", "assemble.conditions=[aligned, misaligned]", *changes)
    run_builder("run", "--config", str(config), "--work", str(folder / "work"), "--out", str(folder / "out"), *fast)
    status = json.loads(run_builder("status", "--work", str(folder / "work"), "--json").stdout)
    return {clip["file"]: (clip["stage"], clip["reason"]) for clip in status["dropped"]}


def rows_of(folder: Path) -> dict[str, ManifestRow]:
    return {row.file: row for row in read_manifest(folder / "work" / "compare" / "manifest.parquet")}


def test_training_clips_that_give_a_test_clip_away_are_dropped_and_test_clips_never(folder: Path) -> None:
    leaks = {
        "smaller.mp4": "video_in_test",
        "shifted.mp4": "video_in_test",
        "other_sound.mp4": "video_in_test",
        "other_video.mp4": "sound_in_test",
        "same_id.mp4": "youtube_id_in_test",
        "official.mp4": "official_clip",
    }
    assert build(folder) == {name: ("compare", reason) for name, reason in leaks.items()}
    rows = rows_of(folder)
    assert CANIDAE.removesuffix(".mp4") in (rows["smaller.mp4"].detail or "")
    copies = {name: row.copies for name, row in rows.items() if row.copies}
    assert {copies[CANIDAE].duplicates, copies["copy.mp4"].duplicates} == {1}
    # One stream in common is what a natural conflict is made of.
    assert copies[FROG] == Copies(same_video=1, same_sound=0, duplicates=0)
    assert copies[GLASS] == Copies(same_video=0, same_sound=1, duplicates=0)
    assert (copies[FRYING].same_video, copies[FRYING].same_sound) == (0, 0)
    with open(folder / "work" / "compare" / "matches.csv", newline="") as file:
        matches = {(row["stream"], frozenset((row["clip_id"], row["other_clip_id"]))) for row in csv.DictReader(file)}
    both = {(stream, clip) for stream in ("video", "sound") for clip in ("smaller.mp4", "shifted.mp4")}
    for stream, clip in both:
        original = CANIDAE if clip == "smaller.mp4" else CASH
        assert (stream, frozenset((rows[clip].clip_id, rows[original].clip_id))) in matches


def test_copies_within_a_split_go_when_asked(folder: Path) -> None:
    leaks = build(folder, "compare.drop_leaks=false", "compare.drop_official=false", "compare.drop_within_split=true")
    # Of each split the first copy stays: shifted.mp4 and smaller.mp4 are the only ones of their kind in training.
    assert {name: reason for name, (_, reason) in leaks.items()} == dict.fromkeys(
        ("copy.mp4", "official.mp4", "clean.mp4"), "duplicate_clip"
    )


def test_a_search_in_blocks_finds_the_same_pairs_as_one_in_memory() -> None:
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 1 << 63, 12, dtype=np.uint64) for _ in range(40)]
    numbers = [generator.integers(0, 1 << 23, (30, 2), dtype=np.uint32) % np.uint32(20_000) for _ in range(40)]
    for copy, original in ((3, 30), (31, 5), (39, 38), (0, 39)):
        frames[copy] = frames[original] ^ np.uint64(1)
        numbers[copy] = numbers[original] + np.array([0, 5], np.uint32)
    limits = CompareSettings()
    videos = Ragged.of(frames, frames[0][:0])
    sounds = Ragged.of(numbers, numbers[0][:0])
    for matches in (equal_videos(videos, limits, block=7), equal_sounds(sounds, limits, block=7)):
        assert {(match.first, match.second) for match in matches} >= {(3, 30), (5, 31), (38, 39), (0, 39), (0, 38)}
    assert equal_videos(videos, limits, block=7) == equal_videos(videos, limits)
    assert equal_sounds(sounds, limits, block=7) == equal_sounds(sounds, limits)
