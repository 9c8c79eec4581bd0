"""A pause of the whole stage: all tasks of all processes wait when one of them gets a bot check."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.sources.audioset.failures import FetchFailed
from builder.sources.audioset.settings import PauseSettings
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json
from mma_bench.files.documents import parse_json
from mma_bench.files.lock import open_locked

_LOOK_SECONDS = 0.5


class Pause:
    """The pause that tasks share through a file: its end, and the number of consecutive pauses."""

    def __init__(self, folder: Path, settings: PauseSettings) -> None:
        self._path = folder / "pause.json"
        self._lock = folder / ".pause.lock"
        self._settings = settings

    def wait(self) -> None:
        """Wait until the pause is over."""
        while (left := self._read()[0] - time.time()) > 0:
            time.sleep(min(left, _LOOK_SECONDS))

    def begin(self, failure: FetchFailed, asked: float) -> None:
        """Begin a pause, unless one began since ``asked``, the time (s since 1970) of the refused request.

        Raises:
            MMABenchError: there were too many in a row.
        """
        with self._locked():
            until, count = self._read()
            if until > asked:
                return  # the request went out before the pause; one answer makes one pause
            if count >= self._settings.give_up_after:
                self._path.unlink(missing_ok=True)
                raise MMABenchError(
                    f"the site refused {count} times in a row ({failure.detail}); wait some hours or set "
                    "source.download.cookies, then run the same command again to resume"
                )
            seconds = self._settings.first_seconds * 2**count
            seconds = min(max(seconds, failure.retry_after or 0), self._settings.longest_seconds)
            write_json(self._path, [time.time() + seconds, count + 1])
        # Standard error of tasks is redirected together with the engine's log.
        print(f"\n[fetch] pausing {seconds:g} s, all downloads: {failure.detail}", file=sys.__stderr__, flush=True)

    def passed(self, asked: float) -> None:
        """Record that a request sent at ``asked`` was answered: the next pause counts as a first one again."""
        until, count = self._read()
        if count and asked >= until:
            self._path.unlink(missing_ok=True)

    def _read(self) -> tuple[float, int]:
        try:
            until, count = parse_json(self._path.read_text(encoding="utf-8"))
            return float(until), int(count)
        except (OSError, ValueError, TypeError):
            return 0.0, 0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with open_locked(self._lock, holder="process"):
            yield
