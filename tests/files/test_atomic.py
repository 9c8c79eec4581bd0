"""Folders appear whole or not at all, and what a killed process left is removed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from builder.scratch import scratch_folder
from mma_bench.errors import MMABenchError
from mma_bench.files import atomic
from mma_bench.files.atomic import atomic_folder, atomic_path, remove_leftovers

WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from mma_bench.files.atomic import atomic_folder
with atomic_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print("begun", flush=True)
    time.sleep(600)
"""


def write(path: Path, text: str, *, replace: bool = False) -> None:
    with atomic_folder(path, replace=replace) as folder:
        (folder / "file").write_text(text)
        (folder / "file").chmod(0o600)  # as safetensors leaves it


def test_a_killed_writer_leaves_nothing_for_long_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(out)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            (unfinished,) = tmp_path.iterdir()
            write(out, "whole")
            assert {path.name for path in tmp_path.iterdir()} == {"out", unfinished.name}
            assert (unfinished / "half").exists(), "another process is still writing it"
        finally:
            os.kill(process.pid, signal.SIGKILL)
    write(out, "new", replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "file").read_text() == "new"


def interrupt(path: Path, then: Callable[[], object], *, replace: bool = False) -> None:
    with atomic_folder(path, replace=replace) as folder:
        (folder / "file").write_text("ours")
        then()


def fail() -> None:
    raise KeyError


def without_renameat2(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: object())


@pytest.mark.parametrize("system", [lambda _: None, without_renameat2], ids=["linux", "elsewhere"])
def test_a_folder_is_replaced_as_a_whole_or_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: Callable[[pytest.MonkeyPatch], None]
) -> None:
    system(monkeypatch)
    out = tmp_path / "out"
    write(out, "old")
    (out / "stale").touch()
    with pytest.raises(KeyError):
        interrupt(out, fail, replace=True)
    assert (out / "file").read_text() == "old"
    write(out, "new", replace=True)
    assert {path.name: path.read_text() for path in out.iterdir()} == {"file": "new"}
    assert out.stat().st_mode & 0o777 == 0o755
    assert (out / "file").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    write(tmp_path / "disk" / "real", "old")
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "real")
    write(tmp_path / "out", "new", replace=True)
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "disk" / "real" / "file").read_text() == "new"
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["real"]


@pytest.mark.parametrize(
    "make", [lambda p: write(p, "theirs"), lambda p: p.write_text("theirs")], ids=["folder", "file"]
)
def test_what_appeared_in_the_meantime_is_not_overwritten(tmp_path: Path, make: Callable[[Path], None]) -> None:
    out = tmp_path / "out"
    with pytest.raises(MMABenchError, match="was filled meanwhile"):
        interrupt(out, lambda: make(out))
    there = out / "file" if out.is_dir() else out
    assert there.read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def in_scratch(path: Path) -> AbstractContextManager[Path]:
    return scratch_folder(path.parent)


@pytest.mark.parametrize(("kind", "call"), [(atomic_folder, "mkdir"), (atomic_path, "open"), (in_scratch, "mkdir")])
def test_an_interruption_between_making_and_knowing_leaves_nothing(
    kind: Callable[[Path], AbstractContextManager[Path]], call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = getattr(os, call)

    def then_interrupted(path: Any, *rest: Any, **named: Any) -> Any:
        found = made(path, *rest, **named)
        if Path(path).parent == tmp_path:
            monkeypatch.setattr(os, call, made)
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(os, call, then_interrupted)
    with pytest.raises(KeyboardInterrupt), kind(tmp_path / "out"):
        pytest.fail("it was not interrupted")
    assert not list(tmp_path.iterdir())


def test_leftovers_are_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    (tmp_path / ".tmp-killed.json").touch()
    with atomic_path(tmp_path / "scores.json") as living:
        remove_leftovers(tmp_path)
        assert list(tmp_path.iterdir()) == [living]
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]
