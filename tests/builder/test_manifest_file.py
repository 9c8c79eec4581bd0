"""A manifest is read and written in parts, and the parts make no difference."""

import itertools
import random
from pathlib import Path

import pytest

from builder import manifest_file
from builder.assemble import stimuli_file
from builder.assemble.stimuli_file import StimuliFile, write_stimuli
from builder.manifest import ManifestRow
from builder.manifest_file import Manifest, OtherClips, read_manifest, replaced, tables_of, write_manifest
from builder.media_folder import all_exist, clip_file
from mma_bench.dataset.columns import to_table
from mma_bench.dataset.composition import Composition
from mma_bench.dataset.records import read_records
from mma_bench.errors import MMABenchError
from mma_bench.schema import Clip, Stimulus


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[ManifestRow]:
    """Ten clips in row groups of three, every third one dropped."""
    monkeypatch.setattr(manifest_file, "GROUP_ROWS", 3)
    monkeypatch.setattr(manifest_file, "OBJECTS_AT_A_TIME", 2)
    made = [ManifestRow(clip_id=f"c{n}", file=f"{n}", visual_label="a", audio_label="b", source="s") for n in range(10)]
    return [row.drop("select", "why", "so") if n % 3 == 0 else row for n, row in enumerate(made)]


def test_any_range_of_rows_is_read_alone(rows: list[ManifestRow], tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, rows)
    manifest = Manifest(path)
    assert (manifest.row_count, manifest.kept_count) == (10, 6)
    for start in range(11):
        for stop in range(start, 12):
            assert list(manifest.rows(start, stop)) == rows[start:stop]
            kept = [row for row in rows[start:stop] if row.kept]
            assert list(manifest.rows(start, stop, kept_only=True)) == kept
            assert manifest.column("clip_id", start, stop).to_pylist() == [row.clip_id for row in kept]


def test_tasks_get_equally_many_clips_and_together_all(rows: list[ManifestRow], tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, rows)
    for parts in range(1, 7):
        bounds = Manifest(path).divided(parts)
        shares = [list(Manifest(path).rows(a, b, kept_only=True)) for a, b in itertools.pairwise(bounds)]
        assert [row for share in shares for row in share] == [row for row in rows if row.kept]
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_same_rows_are_the_same_bytes_however_they_come(rows: list[ManifestRow], tmp_path: Path) -> None:
    write_manifest(tmp_path / "one", rows)
    with manifest_file.manifest_writer(tmp_path / "two") as writer:
        for row in rows:
            writer.add_rows([row])
    with manifest_file.manifest_writer(tmp_path / "three") as writer:
        writer.add(to_table(ManifestRow, rows))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == (tmp_path / "three").read_bytes()


def test_results_take_the_places_of_the_kept_rows_and_nobody_elses(rows: list[ManifestRow], tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, rows)
    source = Manifest(path)
    results = [row.changed(notes="new") for row in rows if row.kept]
    write_manifest(tmp_path / "new", [])
    with manifest_file.manifest_writer(tmp_path / "new") as writer:
        for table in replaced(source, tables_of(results)):
            writer.add(table)
    assert read_manifest(tmp_path / "new") == [row.changed(notes="new") if row.kept else row for row in rows]
    for wrong in (results[1:], results[:-1], [*results, results[0]], results[::-1]):
        with pytest.raises(OtherClips):
            list(replaced(source, tables_of(wrong)))


def test_a_file_that_is_no_manifest_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    with pytest.raises(MMABenchError, match="is missing"):
        list(Manifest(path))
    path.write_bytes(b"PAR1 no, it is not")
    with pytest.raises(MMABenchError, match="is not a manifest of this version"):
        list(Manifest(path))


def test_a_missing_file_is_noticed_among_few_and_among_many(tmp_path: Path) -> None:
    paths = [clip_file(tmp_path, f"clip{n}", "mp4") for n in range(300)]
    paths += [tmp_path / "together" / f"{n}" for n in range(30)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert all_exist(paths)
    assert len({path.parent for path in paths}) > 100
    for gone in (paths[7], paths[-7]):
        gone.unlink()
        assert not all_exist(paths)
        gone.mkdir()
        assert not all_exist(paths)
        gone.rmdir()
        gone.touch()


def test_stimuli_in_any_order_and_in_many_parts_are_sorted_by_key(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stimuli = read_records(demo, "metadata/stimuli.parquet", Stimulus)
    random.Random(0).shuffle(stimuli)
    write_stimuli(tmp_path / "one.parquet", stimuli)
    monkeypatch.setattr(stimuli_file, "_SORTED_AT_A_TIME", 7)
    monkeypatch.setattr(stimuli_file, "_MERGED_AT_A_TIME", 4)
    write_stimuli(tmp_path / "many.parquet", stimuli)
    assert list(StimuliFile(tmp_path / "many.parquet")) == sorted(stimuli, key=lambda stimulus: stimulus.key)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "many.parquet").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"one.parquet", "many.parquet"}


def test_counting_columns_and_counting_records_is_the_same(demo: Path) -> None:
    clips = read_records(demo, "metadata/clips.parquet", Clip)
    assert Composition.read(demo) == Composition.of(clips, read_records(demo, "metadata/stimuli.parquet", Stimulus))
