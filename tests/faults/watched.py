"""A command whose processes are watched: how much memory the largest took, and how long it ran."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from tests.conftest import ROOT


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: exit code.
        said: standard error.
        seconds: by the clock.
        memory: most that one of its processes held in memory, bytes.
    """

    code: int
    said: str
    seconds: float
    memory: int


def watched(arguments: Sequence[str], *, timeout: float) -> Outcome:
    """Run `python -m ARGUMENTS` and watch it."""
    begin = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        peak = [0]
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, ended), daemon=True)
        watcher.start()
        try:
            _, said = process.communicate(timeout=timeout)
        finally:
            ended.set()
            watcher.join()
    return Outcome(process.returncode, said, time.monotonic() - begin, peak[0])


def _watch(pid: int, peak: list[int], ended: threading.Event) -> None:
    while not ended.wait(0.1):
        try:
            parent = psutil.Process(pid)
            processes = [parent, *parent.children(recursive=True)]
        except psutil.Error:
            continue
        for process in processes:
            try:
                peak[0] = max(peak[0], process.memory_info().rss)
            except psutil.Error:
                continue  # it has just ended
