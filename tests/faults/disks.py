"""Commands on a disk that is full, read-only or gone, and two of them at once: one clear line, and nothing lost."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.kills import LONGEST, Target, finish, start

_TRACEBACK = "Traceback (most recent call last)"


@dataclass
class DiskTrial:
    """What a command did on bad disks: how many trials there were, and what was wrong."""

    name: str
    trials: int = 0
    wrong: list[str] = field(default_factory=list)


def may_mount() -> bool:
    """Return whether this process may mount a small file system."""
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def disk_trial(target: Target, folder: Path, expected: dict[str, str], sizes: tuple[str, ...]) -> DiskTrial:
    """Run ``target`` on a disk that is full at several sizes, then read-only, then large enough."""
    found = DiskTrial(target.name)
    disk, log = folder / "disk", folder / "disk.log"
    disk.mkdir(parents=True)
    with _mounted(disk, "400m"):
        trial = disk / "trial"
        trial.mkdir()
        target.prepare(trial)
        taken = shutil.disk_usage(disk).used
        for size in sizes:
            _remount(disk, f"size={max(4096, taken + int(size))}")  # 0 would be without a limit
            _expect_one_line(found, f"full at {size} more bytes", target, trial, log, r"space|disk|quota")
            left = target.results(trial)
            if target.whole and left == expected:
                break  # it fitted; a command whose results are there may refuse to make them again
            if target.whole and left:
                found.wrong.append(f"full at {size} more bytes: the results are neither absent nor complete")
        _remount(disk, "size=400m,rw")
        if not (target.whole and target.results(trial) == expected):
            _expect_recovery(found, "when there is space", target, trial, expected, log)
        shutil.rmtree(trial)
        trial.mkdir()
        target.prepare(trial)
        _remount(disk, "size=400m,ro")
        _expect_one_line(found, "read-only", target, trial, log, r"[Rr]ead-only|written|space")
        _remount(disk, "size=400m,rw")
        _expect_recovery(found, "when it may write", target, trial, expected, log)
    return found


def removal_trial(target: Target, folder: Path, after: float) -> DiskTrial:
    """Remove the folder of a running command: it ends by itself, with one line."""
    found = DiskTrial(target.name, trials=1)
    trial = folder / "removed"
    trial.mkdir(parents=True)
    target.prepare(trial)
    log = folder / "removed.log"
    process = start(target, trial, log)
    time.sleep(after)
    shutil.rmtree(trial, ignore_errors=True)
    try:
        process.wait(LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        found.wrong.append("does not end when its folder is removed")
    said = log.read_text("utf-8", errors="replace")
    if _TRACEBACK in said:
        found.wrong.append(f"a traceback when its folder is removed: {said[-300:]}")
    shutil.rmtree(trial, ignore_errors=True)
    return found


def twice_trial(target: Target, folder: Path, expected: dict[str, str]) -> DiskTrial:
    """Start a command twice at once: one may refuse, and what is left is whole."""
    found = DiskTrial(target.name, trials=1)
    trial = folder / "twice"
    trial.mkdir(parents=True)
    target.prepare(trial)
    logs = [folder / f"twice{number}.log" for number in range(2)]
    both = [start(target, trial, log) for log in logs]
    codes = sorted(process.wait(LONGEST) for process in both)
    said = [log.read_text("utf-8", errors="replace") for log in logs]
    if codes not in ([0, 0], [0, 2]):
        found.wrong.append(f"two at once end with {codes}: {said[0][-200:]} | {said[1][-200:]}")
    if any(_TRACEBACK in one for one in said):
        found.wrong.append(f"two at once, a traceback: {max(said, key=lambda one: _TRACEBACK in one)[-300:]}")
    if target.results(trial) != expected:
        found.wrong.append("two at once leave other results")
    return found


def _expect_recovery(
    found: DiskTrial, when: str, target: Target, trial: Path, expected: dict[str, str], log: Path
) -> None:
    found.trials += 1
    code, said = finish(target, trial, log)
    if code != 0 or target.results(trial) != expected:
        found.wrong.append(f"does not recover {when}: {said[-300:]}")


def _expect_one_line(found: DiskTrial, what: str, target: Target, trial: Path, log: Path, pattern: str) -> None:
    found.trials += 1
    code, said = finish(target, trial, log)
    if code == 0:
        return  # it fitted
    last = said.strip().splitlines()[-1] if said.strip() else ""
    if code != 2 or _TRACEBACK in said or not re.search(pattern, last):
        found.wrong.append(f"{what}: exit code {code}, {said[-300:]!r}")


@contextlib.contextmanager
def _mounted(folder: Path, size: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)
