"""Media are written on the node's own disk and appear at their place at once, also across file systems."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.scratch import media_path, move_file, scratch_disk, scratch_folder
from builder.stage_folder import StageFolder
from mma_bench.errors import MMABenchError
from tests.conftest import ROOT

OTHER = Path("/dev/shm")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder on another file system."""
    if not OTHER.is_dir() or OTHER.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    return OTHER / f"mma-bench-test-{os.getpid()}"


def test_a_file_is_written_on_the_scratch_disk_and_appears_complete(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISK", str(disk))
    target = tmp_path / "clips" / "a.mp4"
    with scratch_disk("$DISK"):
        with media_path(target) as written:
            assert written.is_relative_to(disk)
            assert written.suffix == ".mp4"
            written.write_bytes(b"media")
            assert not target.exists()
        assert target.read_bytes() == b"media"
        with pytest.raises(FileNotFoundError), media_path(tmp_path / "b.mp4"):
            (tmp_path / "missing").read_bytes()
        with scratch_folder(tmp_path) as folder:
            assert folder.is_relative_to(disk)
            (folder / "c.mp4").write_bytes(b"moved")
            move_file(folder / "c.mp4", tmp_path / "c.mp4")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mp4", "c.mp4", "clips"]
    assert list(disk.iterdir()) == []
    disk.rmdir()


def test_what_a_killed_task_left_is_removed_by_the_next_one(disk: Path) -> None:
    code = (
        "import os, signal\nfrom builder.scratch import scratch_disk\n"
        f"with scratch_disk('{disk}'): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert len(list(disk.iterdir())) == 1
    with scratch_disk(str(disk)), scratch_disk(str(disk)):  # two tasks at a time do not disturb each other
        assert len(list(disk.iterdir())) == 2
    assert list(disk.iterdir()) == []
    disk.rmdir()


def test_the_folder_of_another_node_is_not_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as change:  # a lock that another node holds is not seen here
        change.setattr("mma_bench.files.atomic.hold", lambda *asked, **how: None)
        change.setattr("platform.node", lambda: "n1")
        download = scratch_folder(tmp_path / "shared")
        disk = scratch_disk(str(tmp_path / "disk"))
        with contextlib.ExitStack() as stack:
            theirs = stack.enter_context(download)
            stack.enter_context(disk)
            change.undo()
            change.setattr("platform.node", lambda: "n10")
            change.setattr("builder.scratch._place", None)
            with scratch_folder(tmp_path / "shared") as ours, scratch_disk(str(tmp_path / "disk")):
                assert ours != theirs
                assert theirs.is_dir()
                assert len(list((tmp_path / "disk").iterdir())) == 2
            change.undo()  # the scratch disk of the other node is in use again, until its block ends


def test_a_download_of_a_killed_task_is_removed_when_the_stage_begins_again(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal\nfrom builder.scratch import scratch_folder\n"
        f"with scratch_folder(pathlib.Path('{tmp_path}/media/xx/clip')) as folder:\n"
        "    (folder / 'whole.mp4.part').touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    with scratch_folder(tmp_path / "media" / "xx" / "clip"):
        assert len(list(tmp_path.rglob("whole.mp4.part"))) == 1
    StageFolder(tmp_path).begin("inputs", 1)
    assert list((tmp_path / "media" / "xx" / "clip").iterdir()) == []


def test_a_disk_that_is_not_there_is_one_line() -> None:
    for place in ("$NO_SUCH_VARIABLE/x", "/proc/none"):
        with pytest.raises(MMABenchError, match=r"executor\.scratch: cannot use"), scratch_disk(place):
            pass
