"""One process has a lock; the next gets it when that one ends, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mma_bench.files.lock import Holder, open_locked

HOLD = """
import os, sys, time
from pathlib import Path
from mma_bench.files.lock import open_locked
lock = open_locked(Path(sys.argv[1]), holder=sys.argv[2])
if sys.argv[3] == "worker" and os.fork() == 0:
    time.sleep(600)
print(os.getpid(), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("holder", ["file", "process"])
def test_a_lock_ends_with_the_process_that_was_killed(tmp_path: Path, holder: Holder) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), holder, ""], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(BlockingIOError):
            open_locked(path, wait=False, holder=holder)
        os.kill(other.pid, signal.SIGKILL)
    open_locked(path, wait=False, holder=holder).close()


@pytest.mark.parametrize(("holder", "is_free"), [("file", False), ("process", True)])
def test_a_worker_that_outlives_its_parent_keeps_only_the_lock_of_a_file(
    tmp_path: Path, holder: Holder, is_free: bool
) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), holder, "worker"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        try:
            assert parent.stdout is not None
            assert int(parent.stdout.readline()) == parent.pid
            os.kill(parent.pid, signal.SIGKILL)
            parent.wait()
            if is_free:
                open_locked(path, wait=False, holder=holder).close()
            else:
                with pytest.raises(BlockingIOError):
                    open_locked(path, wait=False, holder=holder)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)
