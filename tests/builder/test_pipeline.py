"""The list of stages is the only one, own stages take their places in it, and the runner guards what stages return."""

import re
from pathlib import Path
from typing import Any

import pytest

from builder.executors import ExecutorSettings
from builder.manifest import ManifestRow, read_manifest, write_manifest
from builder.own_stages import OwnStage
from builder.pipeline import BUILD, HYDRATE, order
from builder.run_stage import run_stage
from builder.stage import ClipStage, Dropped, WholeStage
from mma_bench.errors import MMABenchError
from tests.conftest import ROOT

ALONE = ExecutorSettings(workers=1)


class Half(ClipStage):
    """Drops every second clip by a threshold that is decided each time, and writes down whom it looked at."""

    name = "half"

    def process(self, row: ManifestRow) -> ManifestRow:
        with open(self.folder / "seen", "a") as seen:
            seen.write(f"{row.clip_id}\n")
        if row.clip_id == "clip0":
            raise Dropped("not_now", "it may be there later")
        return row.changed(notes=f"note {row.clip_id}")

    def decide(self, row: ManifestRow) -> ManifestRow:
        return row.drop(self.name, "too_high", row.notes) if int(row.clip_id[4:]) > self.settings else row

    def clip_inputs(self, row: ManifestRow) -> Any:
        return row.file

    def retry(self) -> Any:
        return lambda reason: reason == "not_now"


class Loses(WholeStage):
    """Loses a clip."""

    name = "loses"

    def run(self, rows: list[ManifestRow]) -> list[ManifestRow]:
        return rows[1:]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A manifest of four clips, the last of which an earlier stage dropped."""
    rows = [
        ManifestRow(clip_id=f"clip{n}", file=f"{n}.mp4", visual_label="a", audio_label="a", source="test")
        for n in range(4)
    ]
    write_manifest(tmp_path / "select" / "manifest.parquet", [*rows[:3], rows[3].drop("select", "removed", "")])
    return tmp_path / "select" / "manifest.parquet"


def seen(folder: Path) -> list[str]:
    return (folder / "half" / "seen").read_text().split()


def test_a_clip_is_processed_once_decided_each_time_and_retried_when_asked(source: Path, tmp_path: Path) -> None:
    rows = run_stage(Half(tmp_path / "half", 2), source, ALONE)
    assert [(row.dropped_by, row.reason) for row in rows] == [
        ("half", "not_now"), (None, None), (None, None), ("select", "removed"),
    ]  # fmt: skip
    assert run_stage(Half(tmp_path / "half", 2), source, ALONE) == rows
    assert read_manifest(tmp_path / "half" / "manifest.parquet") == rows
    lower = run_stage(Half(tmp_path / "half", 1), source, ALONE)
    assert (lower[2].reason, lower[2].detail) == ("too_high", "note clip2")
    assert seen(tmp_path) == ["clip0", "clip1", "clip2"]
    run_stage(Half(tmp_path / "half", 2), source, ALONE, retry_failed=True)
    assert seen(tmp_path) == ["clip0", "clip1", "clip2", "clip0"]


def test_a_whole_stage_that_loses_a_clip_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match="the stage loses did not return every clip"):
        run_stage(Loses(tmp_path / "loses"), source, ALONE)
    assert not (tmp_path / "loses" / "manifest.parquet").exists()


@pytest.mark.parametrize("entry", [*BUILD, *HYDRATE], ids=lambda entry: entry.code)
def test_each_entry_of_the_lists_names_its_class(entry: Any) -> None:
    kind = entry.load()
    assert issubclass(kind, ClipStage | WholeStage)
    assert (kind.name, kind.counts_clips) == (entry.name, entry.counts_clips)
    assert (ROOT / "builder" / entry.name / "stage.py").is_file() or entry in HYDRATE


def test_the_architecture_page_has_the_list() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    for entries in (BUILD, [entry for entry in HYDRATE if entry not in BUILD]):
        lines = [
            f"| {entry.name} | {entry.reads} | {entry.writes} | `{entry.module.replace('.', '/')}.py` |\n"
            for entry in entries
        ]
        assert "".join(lines) in page


def own(*places: tuple[str, str]) -> list[OwnStage]:
    return [OwnStage(name, after, Half, None) for name, after in places]


def test_own_stages_follow_what_they_name_in_the_order_of_the_configuration() -> None:
    names = [entry.name for entry in BUILD]
    placed = order(names, own(("first", "inspect"), ("second", "inspect"), ("third", "first"), ("last", "release")))
    assert re.search("inspect first second third compare .* release last assemble", " ".join(placed))
    for after in ("assemble", "package", "no_such"):
        with pytest.raises(MMABenchError, match=f"stages: mine cannot come after '{after}'"):
            order(names, own(("mine", after)))
