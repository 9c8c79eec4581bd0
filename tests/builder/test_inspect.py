"""Technical checks on real clips that were spoilt, and the settings of `normalise`."""

import json
import subprocess
from pathlib import Path

import pytest

from builder.manifest import ManifestRow
from builder.manifest_file import read_manifest
from builder.media_folder import clip_file
from tests.conftest import SMALL, run_builder, settings

REASONS = {
    "quiet.mp4": "too_quiet",
    "one_knock.mp4": "mostly_silent",
    "clipped.mp4": "clipped_sound",
    "nearly_black.mp4": "black_video",
    "still.mp4": "frozen_video",
    "tiny.mp4": "low_resolution",
    "slow.mp4": "low_frame_rate",
    "short_sound.mp4": "durations_differ",
}


@pytest.fixture(scope="module")
def work(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real clip, spoilt in eight ways, and built; return the work folder."""
    folder = tmp_path_factory.mktemp("spoilt")
    spoil = {
        "good.mp4": "-c copy",
        "quiet.mp4": "-af volume=-63dB -c:v copy -c:a pcm_f32le -f mov",
        "one_knock.mp4": "-af volume=0:enable='gte(t,0.05)' -c:v copy",
        "clipped.mp4": "-af volume=40dB -c:v copy",
        "nearly_black.mp4": "-vf drawbox=t=fill:c=black:enable='gte(t,0.4)'",
        "still.mp4": "-vf loop=-1:1 -t 6",
        "tiny.mp4": "-vf scale=64:48",
        "slow.mp4": "-r 2",
        "short_sound.mp4": "-af atrim=0:1 -c:v copy",
    }
    for name, options in spoil.items():
        source = ["-t", "6", "-i", str(shared / "clips" / "canidae_aligned.mp4")]
        command = ["ffmpeg", "-v", "error", *source, *options.split(), str(folder / name)]
        subprocess.run(command, check=True)
    rows = [f"{name},{'ab'[at % 2]}" for at, name in enumerate(spoil)]
    (folder / "list.csv").write_text("\n".join(["file,label", *rows]) + "\n")
    (folder / "config.yaml").write_text(
        f"source: {{kind: folder, csv: {folder / 'list.csv'}}}\nassemble: {{conditions: [aligned]}}\n"
    )
    return folder


def build(folder: Path, name: str, *changes: str) -> dict[str, ManifestRow]:
    work, out = folder / name, folder / f"{name}-out"
    changes = (*SMALL, "normalise.seconds=6", *changes)
    run_builder(
        "run", "--config", str(folder / "config.yaml"), "--work", str(work), "--out", str(out), *settings(*changes)
    )
    return {row.file: row for row in read_manifest(work / "assemble" / "manifest.parquet")}


def test_each_fault_has_its_reason_and_every_value_is_kept(work: Path) -> None:
    rows = build(work, "default")
    assert {name: row.reason for name, row in rows.items() if not row.kept} == REASONS
    assert {row.dropped_by for row in rows.values() if not row.kept} == {"inspect"}
    good = rows["good.mp4"]
    assert good.probe is not None
    assert (good.probe.source_width, good.probe.source_height) == (320, 240)
    assert good.probe.source_frame_rate == pytest.approx(15, abs=0.1)
    quality = {name: row.quality for name, row in rows.items() if row.quality}
    assert quality.keys() == rows.keys()
    assert quality["quiet.mp4"].audio_rms_db == pytest.approx(quality["good.mp4"].audio_rms_db - 63, abs=1.5)
    assert quality["one_knock.mp4"].silence_share == pytest.approx(0.97, abs=0.03)
    assert quality["clipped.mp4"].clipping_share > 0.1
    assert quality["nearly_black.mp4"].black_share == pytest.approx(11 / 12, abs=0.02)
    assert quality["short_sound.mp4"].duration_difference == pytest.approx(5, abs=0.2)


def test_thresholds_and_the_shape_are_settings(work: Path) -> None:
    lenient = ["min_rms_db=-120", "max_silence_share=1", "max_clipping_share=1", "max_black_share=1"]
    lenient += ["max_frozen_share=1", "max_duration_difference=10", "min_source_size=0", "min_source_frame_rate=0"]
    rows = build(
        work,
        "lenient",
        *(f"inspect.{setting}" for setting in [*lenient, "min_peak=0"]),
        "normalise.fit=pad",
        "normalise.frame_rate=8",
    )
    assert all(row.kept for row in rows.values())
    assert (rows["good.mp4"].frame_rate, rows["slow.mp4"].frame_rate) == (8, 2)
    clip = clip_file(work / "lenient" / "normalise" / "clips", rows["good.mp4"].clip_id, "mp4")
    shown = json.loads(
        subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "json", str(clip)],
            capture_output=True,
            check=True,
        ).stdout
    )["streams"][0]
    assert shown == {"width": 112, "height": 112}
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    picture = subprocess.run(command, capture_output=True, check=True).stdout
    bar, middle = picture[: 112 * 13], picture[112 * 50 : 112 * 60]
    assert max(bar) < 24 < max(middle)  # 4:3 in a square: bars of 14 rows
