"""`python -m builder hydrate`: a dataset of ids becomes a full one, from a site on loopback and from a mirror."""

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result

import mma_bench
from builder.cli import main
from builder.manifest import ManifestRow
from builder.package.seal import seal
from mma_bench.dataset.integrity import verify_data
from tests.builder.beeps import Beeps
from tests.builder.sources.test_audioset import FAST, Library, audioset_source, configuration, first_rows
from tests.builder.sources.youtube_server import Site, serve
from tests.conftest import settings, tree

CLIPS = 6
_GRADED = {
    "spoken_label": [0.0],
    "mixed_audio": [0.0],
    "blended_frames": [0.5],
    "occluded_frames": [0.25],
    "shifted_audio": [0.5],
    "written_label": [0.08],
}
_CONDITIONS = ["aligned", "misaligned", "audio_removed", "frames_zeroed", "misleading_caption"]


@dataclass(frozen=True)
class Published:
    """A dataset of ids, the full one of the same clips, and the videos that both were made from."""

    ids: Path
    full: Path
    library: Library
    rows: list[ManifestRow]


def invoke(*arguments: object) -> Result:
    """Run `python -m builder` in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def hydrate(data: Path, folder: Path, *more: object) -> Result:
    places = ("--data", data, "--work", folder / "work", "--out", folder / "mma-bench")
    return invoke("hydrate", *places, "--set", "executor.workers=1", *more)


def report(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def network(template: str) -> list[str]:
    options = {**FAST, "url_template": template, "concurrency": 1}
    return settings(*(f"download.{name}={json.dumps(value)}" for name, value in options.items()))


@pytest.fixture(scope="module")
def published(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("published")
    chosen = {"segments": [first_rows(shared, 60, folder)], "limit": CLIPS}
    rows = [row for row in audioset_source(shared, **chosen).rows() if row.kept]
    library = Library(shared / "clips", folder / "videos", rows)
    with serve(Site(library)) as template:
        config = configuration(shared, **chosen, download={"url_template": template, **FAST, "concurrency": 1})
        config["assemble"] = {"conditions": _CONDITIONS, "graded": _GRADED, "graded_clips": 1, "voice": Beeps.name}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        work = ("--config", folder / "config.yaml", "--work", folder / "work", *settings("executor.workers=1"))
        for out, changes in (("ids", []), ("full", settings("package.licence_mode=all"))):
            result = invoke("run", *work, "--out", folder / out, *changes)
            assert result.exit_code == 0, result.output
    return Published(folder / "ids", folder / "full", library, rows)


def test_what_the_site_still_has_gives_the_published_bytes(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, down = (str(row.youtube_id) for row in published.rows[:2])
    missing = [row.clip_id for row in published.rows[:2]]
    site = Site(published.library, {gone: "404", down: "503"})
    with serve(site) as template:
        plan = hydrate(published.ids, tmp_path, *network(template), "--dry-run")
        assert f"to download: {CLIPS}" in plan.stdout
        assert not (tmp_path / "work").exists()
        found = report(hydrate(published.ids, tmp_path, *network(template), "--json"))
        assert (found["clips"], found["identical"], found["equal"]) == (CLIPS, CLIPS - 2, 0)
        assert {(clip["clip_id"], clip["reason"]) for clip in found["missing"]} == set(
            zip(missing, ("unavailable", "network"), strict=True)
        )
        out = tmp_path / "mma-bench"
        assert verify_data(out) == []
        before = mma_bench.load(published.full)
        left = [row for row in before if not {row.video_clip_id, row.audio_clip_id} & set(missing)]
        after = mma_bench.load(out)
        assert [row.question_id for row in after] == [row.question_id for row in left]
        assert [row.media.mp4() for row in after] == [row.media.mp4() for row in left]
        lost = Counter(sample.stimulus.condition for sample in before.samples)
        lost.subtract(Counter(sample.stimulus.condition for sample in after.samples))
        assert {c["condition"]: c["clip_missing"] for c in found["conditions"]} == dict(lost)
        assert lost["misaligned"] > lost["aligned"] == 2

        site.heal("503")
        asked = Counter(served.video_id for served in site.log)
        again = hydrate(published.ids, tmp_path, *network(template), "--retry-failed")
        assert f"{CLIPS - 1} of {CLIPS} clips: {CLIPS - 1} with the published bytes" in again.stdout
        assert "left out, fetch: unavailable: 1 clip\n" in again.stdout
        new = Counter(served.video_id for served in site.log) - asked
        assert new.keys() == {down}
        site.heal()
        monkeypatch.setattr(Beeps, "version", lambda voice: "beeps 2")
        result = hydrate(published.ids, tmp_path / "all", *network(template), "--json")
        assert report(result)["identical"] == CLIPS
        assert "spoken by beeps 2 here, and were by beeps 1 when published" in result.stderr
        made_here = json.loads((tmp_path / "all" / "mma-bench" / "metadata" / "provenance.json").read_text())
        assert (made_here["voice"], made_here["hydrated"]["voice"]) == ("beeps 1", "beeps 2")
    whole, full = tree(tmp_path / "all" / "mma-bench"), tree(published.full)
    same = [name for name in full if name.startswith(("data/", "index/")) or name == "metadata/stimuli.parquet"]
    assert {name: whole[name] for name in same} == {name: full[name] for name in same}
    assert whole.keys() == full.keys()


def encode_anew(source: Path, row: ManifestRow, target: Path) -> None:
    """Write the segment of a clip as another service would keep it: scaled, other codecs' settings, other loudness."""
    cut = ["-ss", str(row.start_seconds), "-t", str((row.end_seconds or 0) - row.start_seconds), "-i", str(source)]
    codec = ["-vf", "scale=iw*3/4:-2", "-c:v", "libx264", "-crf", "27", "-preset", "veryfast", "-af", "volume=0.7"]
    subprocess.run(["ffmpeg", "-v", "error", *cut, *codec, "-c:a", "aac", "-b:a", "96k", str(target)], check=True)


def test_other_encodings_are_told_by_their_fingerprints_from_other_videos(published: Published, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    wrong, absent, *others = published.rows
    for row in others:
        encode_anew(published.library(str(row.youtube_id)), row, mirror / f"{row.clip_id}.mp4")
    shutil.copy(mirror / f"{others[0].clip_id}.mp4", mirror / f"{wrong.clip_id}.mp4")
    found = report(hydrate(published.ids, tmp_path, "--mirror", mirror, "--json"))
    assert {(clip["clip_id"], clip["reason"]) for clip in found["missing"]} == {
        (wrong.clip_id, "other_media"),
        (absent.clip_id, "not_in_mirror"),
    }
    assert (found["identical"], found["equal"]) == (0, CLIPS - 2)
    out = tmp_path / "mma-bench"
    assert verify_data(out) == []
    questions = {row.question_id: row.prompt for row in mma_bench.load(published.full)}
    rows = mma_bench.load(out)
    assert {row.question_id: row.prompt for row in rows}.items() <= questions.items()
    assert rows[0].media.frames(2.0).shape[1:] == (64, 64, 3)
    provenance = json.loads((out / "metadata" / "provenance.json").read_text())
    assert provenance["hydrated"]["clips_of_equal_fingerprint"] == CLIPS - 2
    assert "4 have other bytes and the same fingerprints" in " ".join((out / "README.md").read_text().split())


def change_ids(data: Path, column: str, value: object) -> None:
    """Change a column of the clips as someone would who forges a dataset: with hashes that fit."""
    path = data / "metadata" / "clips.parquet"
    table = pq.read_table(path)
    values = pa.array([value] * table.num_rows, table.schema.field(column).type)
    pq.write_table(table.set_column(table.schema.get_field_index(column), column, values), path)
    seal(data, "")


def test_what_cannot_be_hydrated_is_refused_in_one_line(published: Published, tmp_path: Path) -> None:
    hostile = Path(shutil.copytree(published.ids, tmp_path / "hostile"))
    change_ids(hostile, "youtube_id", "../../etc/passwd")
    damaged = Path(shutil.copytree(published.ids, tmp_path / "damaged"))
    (damaged / "metadata" / "references.parquet").write_bytes(b"PAR1")
    old = Path(shutil.copytree(published.ids, tmp_path / "old"))
    (old / "metadata" / "references.parquet").unlink()
    seal(old, "")
    mirror = ("--mirror", tmp_path)
    for data, more, message in (
        (published.full, (), "already contains media"),
        (hostile, mirror, "is not a YouTube id; do not trust this dataset"),
        (damaged, mirror, "is damaged: wrong_hash"),
        (old, mirror, "build it with this version"),
        (published.ids, ("--set", "download.speed=1"), "download.speed: there is no such setting"),
        (published.ids, ("--mirror", tmp_path / "nowhere"), "cannot read the mirror"),
        (published.ids, mirror, "none of 6 clips were available (fetch: not_in_mirror)"),
    ):
        result = hydrate(data, tmp_path, *more)
        assert result.exit_code == 2, message
        assert message in result.stderr.splitlines()[-1]
        assert not (tmp_path / "mma-bench").exists()
    result = invoke("hydrate", "--data", published.ids, "--work", tmp_path / "w", "--out", published.ids, *mirror)
    assert "is the ids-only dataset itself" in result.stderr
