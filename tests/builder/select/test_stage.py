"""The list of clips is made again whenever something that decides it has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.executors import ExecutorSettings
from builder.manifest import ManifestRow
from builder.run_stage import run_stage
from builder.select.stage import SelectClips
from builder.sources import make_source
from builder.sources.audioset import AudioSetSettings
from builder.sources.base import Source
from builder.sources.demo_source import DemoSettings
from builder.sources.folder import FolderSettings
from builder.sources.synthetic import SyntheticSettings
from mma_bench.dataset.removed import RemovedIds
from mma_bench.errors import MMABenchError


def listed(source: Source, work: Path, removed: RemovedIds | None = None) -> list[str]:
    stage = SelectClips(work / "select", source, removed or RemovedIds())
    return [row.clip_id for row in run_stage(stage, None, ExecutorSettings(workers=1)) if row.kept]


def test_each_setting_of_each_source_that_changes_its_list_makes_a_new_one(tmp_path: Path) -> None:
    for before, after in (
        (DemoSettings(kind="demo", limit=4), DemoSettings(kind="demo")),
        (SyntheticSettings(kind="synthetic", test=1), SyntheticSettings(kind="synthetic", test=2)),
        (
            SyntheticSettings(kind="synthetic", test=1),
            SyntheticSettings(kind="synthetic", test=1, classes=["Bell", "Drum"]),
        ),
        (
            AudioSetSettings(kind="audioset", preset="official", limit=3),
            AudioSetSettings(kind="audioset", preset="official"),
        ),
    ):
        first, second = make_source(before, 0), make_source(after, 0)
        work = tmp_path / before.kind
        one = listed(first, work)
        written = (work / "select" / "manifest.parquet").stat().st_mtime_ns
        assert listed(first, work) == one
        assert (work / "select" / "manifest.parquet").stat().st_mtime_ns == written  # not listed again
        assert listed(second, work) != one
    gone = RemovedIds(frozenset(one[:1]))
    assert listed(second, work, gone) == [name for name in listed(second, tmp_path / "other") if name not in gone]


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name, text in (("a", "file,label\none.mp4,Bell\n"), ("b", "Bell\nDrum\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "list.csv").write_text(text)
    settings = FolderSettings(kind="folder", csv=tmp_path / "a" / "list.csv", classes=tmp_path / "b" / "list.csv")
    assert len(make_source(settings, 0).input_hashes()) == 2
    assert len(listed(make_source(settings, 0), tmp_path)) == 1
    with open(tmp_path / "a" / "list.csv", "a") as file:
        file.write("two.mp4,Drum\n")
    assert len(listed(make_source(settings, 0), tmp_path)) == 2


class Own(Source):
    """A source of a user, which is listed each time."""

    name = "own"

    def __init__(self, found: Any) -> None:
        self.found = found

    def rows(self) -> Iterator[ManifestRow]:
        yield from self.found()

    def class_names(self) -> list[str]:
        return ["a"]

    def input_hashes(self) -> dict[str, str]:
        return {}

    def fetch(self, row: ManifestRow, folder: Path) -> Path:
        raise NotImplementedError


def test_a_source_that_is_always_listed_does_not_leave_its_list_to_another(tmp_path: Path) -> None:
    made = make_source(SyntheticSettings(kind="synthetic", test=1, classes=["Bell", "Drum"]), 0)
    row = ManifestRow(clip_id="own_1", file="1", visual_label="a", audio_label="a", source="own")
    before = listed(made, tmp_path)
    assert listed(Own(lambda: [row]), tmp_path) == ["own_1"]
    assert listed(made, tmp_path) == before


@pytest.mark.parametrize(("found", "said"), [(lambda: [{}], "returned a dict"), (lambda: {}["x"], "KeyError")])
def test_a_source_of_a_user_that_fails_is_one_clear_error(found: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match=f"the source own failed: .*{said}"):
        listed(Own(found), tmp_path)
    assert not (tmp_path / "select" / "manifest.parquet").exists()
