"""What each task of a stage does on any engine: check the folder, use the scratch disk, write down why it failed."""

import errno
import os
import platform
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datatrove.executor.base import PipelineExecutor

from builder.executors.settings import ExecutorSettings
from builder.scratch import scratch_disk
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json, write_text
from mma_bench.files.documents import parse_json

_MARK = "folder_token"
_FAILURES = "failures"
_STARTED = "started"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class NotShared(MMABenchError):  # noqa: N818
    """A node does not see the work folder; another node may."""


@dataclass(frozen=True)
class Failure:
    """Why a task ended early.

    Attributes:
        rank: number of the task.
        node: the machine on which it ran.
        message: one line.
        is_final: whether the task would fail again in the same way, so that it is not run again.
    """

    rank: int
    node: str
    message: str
    is_final: bool


class Task(PipelineExecutor):
    """Base of our executors, before datatrove's own in the order of classes.

    Attributes:
        name: name of the stage.
        settings: engine and resources.
        logs: folder for marks and logs.
    """

    name: str
    settings: ExecutorSettings
    logs: Path
    pipeline: Any
    _token: str = ""
    _started_in: str = ""

    def begin(self) -> list[int]:
        """Leave a token that proves to each task that it sees the same folder; return the incomplete tasks."""
        self._token, self._started_in = secrets.token_hex(8), str(Path.cwd())
        write_text(self.logs / _MARK, self._token)
        for path in (self.logs / _FAILURES).glob("*.json"):
            path.unlink(missing_ok=True)
        ranks: list[int] = self.get_incomplete_ranks(range(self.world_size))
        return ranks

    def task_log(self, rank: int) -> Path:
        """Return the log of a task."""
        return self.logs / "logs" / f"task_{rank:05d}.log"

    def attempt(self, rank: int) -> int | None:
        """Return what tells the attempts of a task apart, or None before the first has started."""
        try:
            return (self.logs / _STARTED / f"{rank:05d}").stat().st_mtime_ns
        except OSError:
            return None

    def node_of(self, rank: int) -> str:
        """Return the node where a task started last, or an empty text."""
        try:
            return (self.logs / _STARTED / f"{rank:05d}").read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""

    def failure(self, rank: int) -> Failure | None:
        """Return why a task failed last, if it could say so."""
        try:
            return Failure(**parse_json(self._failure_path(rank).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        self._check_folder()
        self._failure_path(rank).unlink(missing_ok=True)
        write_text(self.logs / _STARTED / f"{rank:05d}", platform.node())
        try:
            with scratch_disk(self.settings.scratch):
                return PipelineExecutor._run_for_rank(self, rank, local_rank, node_rank)
        except Exception as error:
            said = str(error) if isinstance(error, MMABenchError) else f"{type(error).__name__}: {error}"
            failure = Failure(rank, platform.node(), " ".join(said.split()), comes_again(error))
            write_json(self._failure_path(rank), failure.__dict__)
            raise

    def _check_folder(self) -> None:
        try:
            os.chdir(self._started_in)  # paths in a configuration are relative to where the build was started
            seen = (self.logs / _MARK).read_text(encoding="ascii")
        except OSError:
            seen = ""
        if seen != self._token:
            raise NotShared(not_shared(Path(self._started_in, self.logs), platform.node()))

    def _failure_path(self, rank: int) -> Path:
        return self.logs / _FAILURES / f"{rank:05d}.json"


def comes_again(error: BaseException) -> bool:
    """Return whether a task that failed with ``error`` would fail again in the same way."""
    if isinstance(error, NotShared):
        return False
    return isinstance(error, MMABenchError) or (isinstance(error, OSError) and error.errno in _NO_ROOM)


def not_shared(folder: Path, node: str) -> str:
    """Return what to say if ``node`` does not see the work folder."""
    return (
        f"the node {node} does not see {folder}; --work, --out and the source's files must be in a folder that all "
        "nodes share under the same path"
    )


def one_thread_each(cores: int) -> dict[str, str]:
    """Return the environment that limits the thread pools of numerical libraries to the ``cores`` of a task."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return dict.fromkeys(names, str(cores))
