"""The list of stages is the only one, own stages take their places in it, and the runner guards what stages return."""

import gc
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from builder.executors import ExecutorSettings
from builder.manifest import ManifestRow
from builder.manifest_file import Manifest, read_manifest, write_manifest
from builder.own_stages import OwnStage
from builder.pipeline import BUILD, HYDRATE, order
from builder.results import Results
from builder.run_stage import run_stage
from builder.stage import ClipStage, Dropped, Stage, WholeStage, WithColumns
from builder.stage_folder import StageFolder
from mma_bench import __version__
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_file, sha256_json
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

    def run(self, clips: Manifest) -> list[ManifestRow]:
        return list(clips)[1:]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A manifest of four clips, the last of which an earlier stage dropped."""
    rows = [
        ManifestRow(clip_id=f"clip{n}", file=f"{n}.mp4", visual_label="a", audio_label="a", source="test")
        for n in range(4)
    ]
    write_manifest(tmp_path / "select" / "manifest.parquet", [*rows[:3], rows[3].drop("select", "removed", "")])
    return tmp_path / "select" / "manifest.parquet"


def rows_of(stage: Stage, source: Path) -> list[ManifestRow]:
    return list(run_stage(stage, source, ALONE).rows())


def seen(folder: Path) -> list[str]:
    return (folder / "half" / "seen").read_text().split()


def test_a_clip_is_processed_once_decided_each_time_and_retried_when_asked(source: Path, tmp_path: Path) -> None:
    rows = rows_of(Half(tmp_path / "half", 2), source)
    assert [(row.dropped_by, row.reason) for row in rows] == [
        ("half", "not_now"), (None, None), (None, None), ("select", "removed"),
    ]  # fmt: skip
    assert rows_of(Half(tmp_path / "half", 2), source) == rows
    assert read_manifest(tmp_path / "half" / "manifest.parquet") == rows
    lower = rows_of(Half(tmp_path / "half", 1), source)
    assert (lower[2].reason, lower[2].detail) == ("too_high", "note clip2")
    assert seen(tmp_path) == ["clip0", "clip1", "clip2"]
    run_stage(Half(tmp_path / "half", 2), source, ALONE, retry_failed=True)
    assert seen(tmp_path) == ["clip0", "clip1", "clip2", "clip0"]


def test_what_a_process_of_another_run_left_is_no_result(source: Path, tmp_path: Path) -> None:
    stage = Half(tmp_path / "half", 2)
    folder = StageFolder(stage.folder)
    folder.begin(sha256_json([__version__, *stage.decided_by, sha256_file(source)]), 3)
    write_manifest(folder.parts / "00001.parquet", read_manifest(source)[:1])
    (folder.log / "completions").mkdir(parents=True)
    (folder.log / "completions" / "00001").touch()
    with pytest.raises(MMABenchError, match="half: the results are not those of its 3 clips"):
        run_stage(stage, source, ALONE)
    assert [row.kept for row in rows_of(Half(tmp_path / "half", 2), source)] == [False, True, True, False]


def test_a_killed_build_takes_the_processes_of_its_stages_along(tmp_path: Path) -> None:
    """The server of the processes is stopped first, so that it cannot notice by itself that the build has ended."""
    code = (
        "import sys, time\n"
        "from multiprocess import forkserver\n"
        "from builder.executors import local\n"
        "forkserver.set_forkserver_preload(local._PRELOADED[:1])\n"
        "forkserver.ensure_running()\n"
        "process = forkserver._forkserver\n"
        "from multiprocess import get_context\n"
        "get_context('forkserver').Process(target=print).start()\n"
        "print(process._forkserver_pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    build = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert build.stdout is not None
    server = next(int(line) for line in build.stdout if line.strip())
    os.kill(server, signal.SIGSTOP)
    build.kill()
    build.wait()
    deadline = time.monotonic() + 300
    try:
        while alive(server) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(server)
    finally:
        if alive(server):
            os.kill(server, signal.SIGKILL)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


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


def test_what_a_killed_run_left_under_temporary_names_is_removed(source: Path, tmp_path: Path) -> None:
    media = tmp_path / "half" / "clips" / "3f"
    (media / ".tmp-sort-1").mkdir(parents=True)
    for name in (".tmp-1.mp4", "clip0.mp4", ".tmp-sort-1/0.arrow"):
        (media / name).touch()
    run_stage(Half(tmp_path / "half", 2), source, ALONE)
    assert [path.name for path in media.iterdir()] == ["clip0.mp4"]


def test_a_task_of_a_run_with_other_settings_mixes_nothing_in(source: Path, tmp_path: Path) -> None:
    old, folder = Half(tmp_path / "half", 1), StageFolder(tmp_path / "half")
    folder.begin(sha256_json([__version__, *old.decided_by, sha256_file(source)]), 3)
    late = folder.parts, folder.log / "completions"

    class Zombie(Half):
        """Looks at its clips while a task of the run before writes."""

        def prepare(self) -> None:
            write_manifest(late[0] / "00001.parquet", [row.changed(notes="old") for row in read_manifest(source)[1:2]])
            late[1].mkdir(parents=True, exist_ok=True)
            (late[1] / "00001").touch()

    rows = rows_of(Zombie(tmp_path / "half", 2), source)
    assert [row.notes for row in rows] == ["", "note clip1", "note clip2", ""]


def test_a_kill_while_failures_are_forgotten_leaves_them_to_be_retried(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Half(tmp_path / "half", 2)
    rows_of(stage, source)

    rewrite = Results._rewrite

    def killed(self: Results, *how: Any) -> None:
        rewrite(self, *how)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Results, "_rewrite", killed)
        with pytest.raises(KeyboardInterrupt):
            run_stage(stage, source, ALONE, retry_failed=True)
    run_stage(stage, source, ALONE, retry_failed=True)
    assert seen(tmp_path)[3:] == ["clip0"]


class Measures(Half):
    """Writes a file and a column for each clip."""

    @classmethod
    def columns(cls) -> pa.Schema:
        return pa.schema([("number", pa.int64())])

    def process(self, row: ManifestRow) -> WithColumns:
        with open(self.folder / "seen", "a") as seen:
            seen.write(f"{row.clip_id}\n")
        self.outputs(row.clip_id, None)[0].touch()
        return WithColumns(row, {"number": 1})

    def outputs(self, clip_id: str, media: str | None) -> list[Path]:
        return [self.folder / f"{clip_id}.txt"]


def test_what_vanished_of_a_finished_stage_is_made_again_even_if_its_end_was_cut_off(
    source: Path, tmp_path: Path
) -> None:
    stage = Measures(tmp_path / "half", 2)
    started = tmp_path / "half" / "started.json"
    rows_of(stage, source)
    stage.outputs("clip1", None)[0].unlink()
    rows_of(stage, source)
    assert seen(tmp_path)[3:] == ["clip1"]
    assert not started.exists()
    (tmp_path / "half" / "results.parquet").unlink()
    rows_of(stage, source)
    assert seen(tmp_path)[4:] == ["clip0", "clip1", "clip2"]


class Mute(WholeStage):
    """Returns something else than rows."""

    name = "mute"

    def run(self, clips: Manifest) -> Any:
        return [None for _ in clips]


def test_a_whole_stage_that_returns_no_rows_is_one_clear_error(source: Path, tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match="the stage mute failed: TypeError: run returned a NoneType"):
        run_stage(Mute(tmp_path / "mute"), source, ALONE)


class Watched(ClipStage):
    """Writes down how long Python's collector waits while a clip is processed."""

    name = "watched"

    def process(self, row: ManifestRow) -> ManifestRow:
        return row.changed(notes=f"{gc.get_threshold()[0]} {gc.get_freeze_count()}")


class WatchedWhole(WholeStage):
    """The same, for all clips at once."""

    name = "watched_whole"

    def run(self, clips: Manifest) -> list[ManifestRow]:
        return [row.changed(notes=f"{gc.get_threshold()[0]} {gc.get_freeze_count()}") for row in clips]


class RowsOnly(WatchedWhole):
    """One that decodes no media."""

    name = "rows_only"
    only_rows = True


def test_the_collector_works_as_usual_where_media_may_be_decoded(source: Path, tmp_path: Path) -> None:
    usual = f"{gc.get_threshold()[0]} {gc.get_freeze_count()}"
    for stage in (Watched(tmp_path / "watched"), WatchedWhole(tmp_path / "watched_whole")):
        assert {row.notes for row in rows_of(stage, source) if row.kept} == {usual}
    rare = {str(row.notes).split()[0] for row in rows_of(RowsOnly(tmp_path / "rows_only"), source) if row.kept}
    assert rare == {"20000"}
    assert f"{gc.get_threshold()[0]} {gc.get_freeze_count()}" == usual
