"""A build that is killed at any moment and started again ends in the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_builder, tree


def arguments(config: Path, folder: Path) -> list[str]:
    return ["run", "--config", str(config), "--work", str(folder / "work"), "--out", str(folder / "out")]


def kill_after(seconds: float, config: Path, folder: Path) -> bool:
    """Start a build, kill it with SIGKILL after ``seconds``; return whether it was still running."""
    command = [sys.executable, "-m", "builder", *arguments(config, folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


@pytest.fixture(scope="module")
def undisturbed(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], float]:
    """The files of a build that nobody disturbed, and how long it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    begin = time.monotonic()
    run_builder(*arguments(small_config, folder))
    return tree(folder / "out"), time.monotonic() - begin


def test_kills_in_one_build_leave_no_trace(
    undisturbed: tuple[dict[str, str], float], small_config: Path, tmp_path: Path
) -> None:
    files, seconds = undisturbed
    generator = random.Random(0)
    # The first kills come early, later ones find more and more work done; every run resumes the one before.
    for i in range(5):
        kill_after(1.0 + generator.random() * seconds * 0.5, small_config, tmp_path)
        out = tmp_path / "out"
        assert not out.exists() or tree(out) == files, f"after kill {i} the dataset is neither absent nor complete"
    run_builder(*arguments(small_config, tmp_path))
    assert tree(tmp_path / "out") == files


@pytest.mark.slow
def test_a_kill_at_each_of_ten_moments(
    undisturbed: tuple[dict[str, str], float], small_config: Path, tmp_path: Path
) -> None:
    files, seconds = undisturbed
    generator = random.Random(1)
    for i in range(10):
        folder = tmp_path / str(i)
        assert kill_after((i + generator.random()) / 10.5 * seconds, small_config, folder)
        run_builder(*arguments(small_config, folder))
        assert tree(folder / "out") == files, f"kill {i}"


def test_a_damaged_dataset_is_made_anew_and_a_finished_one_is_left_alone(
    undisturbed: tuple[dict[str, str], float], small_config: Path, tmp_path: Path
) -> None:
    files, _ = undisturbed
    run_builder(*arguments(small_config, tmp_path))
    shard = next((tmp_path / "out" / "data").rglob("*.tar"))
    time_before = shard.stat().st_mtime_ns
    run_builder(*arguments(small_config, tmp_path))
    assert shard.stat().st_mtime_ns == time_before
    with open(shard, "r+b") as file:
        file.truncate(1000)
    run_builder(*arguments(small_config, tmp_path))
    assert tree(tmp_path / "out") == files


def test_changed_settings_leave_nothing_of_the_old_ones(
    undisturbed: tuple[dict[str, str], float], small_config: Path, tmp_path: Path
) -> None:
    run_builder(*arguments(small_config, tmp_path), "--set", "normalise.seconds=2", "--set", "inspect.min_luma=30")
    assert tree(tmp_path / "out") != undisturbed[0]
    run_builder(*arguments(small_config, tmp_path))
    assert tree(tmp_path / "out") == undisturbed[0]


def test_a_second_build_in_the_same_work_folder_is_refused(small_config: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "builder", *arguments(small_config, tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        while not (tmp_path / "work" / "select" / "manifest.parquet").exists() and first.poll() is None:
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)  # so that it cannot be done before the second one looks
        second = run_builder(*arguments(small_config, tmp_path), check=False)
        first.kill()
    assert first.returncode == -signal.SIGKILL
    assert second.returncode == 2
    assert "another build is using" in second.stderr


def test_a_full_disk_is_one_clear_line_and_the_build_goes_on_afterwards(
    undisturbed: tuple[dict[str, str], float], small_config: Path, tmp_path: Path
) -> None:
    files, _ = undisturbed
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        # A disk that grows is full at another moment each time: while clips, manifests or shards are written.
        for size in ("400k", "700k", "1m", "1300k", "2m"):
            subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)
            full = run_builder(*arguments(small_config, disk), check=False)
            assert full.returncode == 2, size
            assert "Traceback" not in full.stderr
            assert "space" in full.stderr.splitlines()[-1]
        subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)
        run_builder(*arguments(small_config, disk))
        assert tree(disk / "out") == files
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
