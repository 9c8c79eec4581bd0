"""What a dataset may hold: ids only, clips under Creative Commons, everything."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

import mma_bench
from builder.licences import is_creative_commons
from builder.package.references import read_references
from builder.package.remove import remove_clips
from builder.package.settings import PackageSettings
from mma_bench.dataset.integrity import verify_data
from tests.conftest import run_builder, settings


def build(config: Path, small_dataset: Path, out: Path, *changes: str) -> Path:
    work = small_dataset.parent / "work"
    run_builder("run", "--config", str(config), "--work", str(work), "--out", str(out), *settings(*changes))
    return out


def test_ids_only_holds_times_hashes_and_questions_but_no_media(
    small_config: Path, small_dataset: Path, tmp_path: Path
) -> None:
    out = build(small_config, small_dataset, tmp_path / "ids", "package.licence_mode=ids-only")
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"figures", "metadata"}
    assert verify_data(out) == []
    full = pq.read_table(small_dataset / "metadata" / "stimuli.parquet")
    assert pq.read_table(out / "metadata" / "stimuli.parquet").equals(full)
    assert load_dataset(str(out), split="manifest").num_rows == full.num_rows
    (clip, *_) = load_dataset(str(out), "clips", split="manifest")
    assert clip["video_sha256"]
    assert clip["end_seconds"] > clip["start_seconds"]
    rows = mma_bench.load(out)
    assert rows[0].prompt
    with pytest.raises(mma_bench.MMABenchError, match="is an ids-only dataset without media"):
        rows[0].media.frames()
    assert "no media" in (out / "README.md").read_text()
    told = [reference.clip_id for reference in read_references(out)]
    assert told == [row["clip_id"] for row in pq.read_table(out / "metadata" / "clips.parquet").to_pylist()]
    remove_clips(out, [told[0]])
    assert [reference.clip_id for reference in read_references(out)] == told[1:]
    assert verify_data(out) == []
    (out / "data" / "aligned").mkdir(parents=True)
    (out / "data" / "aligned" / "test-00000-of-00001.tar").write_bytes(b"\0" * 1024)
    assert {problem.kind for problem in verify_data(out)} == {"unexpected_file"}


def test_cc_only_leaves_out_what_may_not_be_altered(small_config: Path, small_dataset: Path, tmp_path: Path) -> None:
    lines = (small_config.parent / "clips.csv").read_text().splitlines()
    licences = [
        "CC-BY-4.0",
        "unknown",
        "video: CC0-1.0; audio: CC-BY-SA-3.0",
        "video: CC0-1.0; audio: GPL-3.0-only",
    ] * 2
    mixed = [lines[0], *(line.replace("as the demo", new) for line, new in zip(lines[1:], licences, strict=True))]
    (small_config.parent / "mixed.csv").write_text("\n".join(mixed) + "\n")
    changes = [f"source.csv={small_config.parent / 'mixed.csv'}", "package.licence_mode=cc-only"]
    out = build(small_config, small_dataset, tmp_path / "cc", *changes)
    clips = pq.read_table(out / "metadata" / "clips.parquet").to_pylist()
    assert {clip["licence"] for clip in clips} == {licences[0], licences[2]}
    assert len(clips) == 4
    assert verify_data(out) == []
    licence = (out / "LICENSE").read_text()
    assert "GPL" not in licence
    assert "- CC-BY-4.0: 2 clips" in licence
    assert "licence 4" in (out / "README.md").read_text()  # the funnel


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("CC-BY-SA-4.0", True),
        ("public domain", True),
        ("Creative Commons Attribution license (reuse allowed)", True),
        ("CC-BY-ND-4.0", False),
        ("CC-BY-NC-ND-4.0", False),
        ("unknown", False),
        ("", False),
        ("video: CC0-1.0; audio: unknown", False),
    ],
)
def test_licences(licence: str, free: bool) -> None:
    assert is_creative_commons(licence) == free


def test_youtube_sources_publish_ids_only_unless_asked() -> None:
    assert PackageSettings().mode_for("audioset") == "ids-only"
    assert PackageSettings().mode_for("folder") == "all"
    assert PackageSettings(licence_mode="all").mode_for("audioset") == "all"
