"""Media are written on the node's own disk and appear at their place at once, also across file systems."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.scratch import media_path, move_file, scratch_disk, scratch_folder
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


def test_a_disk_that_is_not_there_is_one_line() -> None:
    for place in ("$NO_SUCH_VARIABLE/x", "/proc/none"):
        with pytest.raises(MMABenchError, match=r"executor\.scratch: cannot use"), scratch_disk(place):
            pass
