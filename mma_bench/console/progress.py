"""Progress on standard error: what takes long says so, and says how long it will take."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

_QUIET_SECONDS = 2.0
_REPEAT_SECONDS = 15.0


def say(text: str, *, show: bool = True) -> None:
    """Print a line on standard error."""
    if show:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def activity(what: str, *, show: bool = True, quiet: float = _QUIET_SECONDS) -> Iterator[None]:
    """Say that ``what`` is going on if the block takes longer than ``quiet`` seconds, now and then again, and its end.

    Args:
        what: such as `loading transformers:Qwen/Qwen2.5-Omni-7B`.
        show: false prints nothing.
        quiet: a block that ends sooner prints nothing.
    """
    begun = time.monotonic()
    ended = threading.Event()

    def watch() -> None:
        wait = quiet
        while not ended.wait(wait):
            passed = time.monotonic() - begun
            say(f"{what} ..." if wait == quiet else f"{what} ... {duration(passed)}")
            wait = _REPEAT_SECONDS

    watcher = threading.Thread(target=watch, daemon=True)
    if show:
        watcher.start()
    try:
        yield
    except BaseException:
        ended.set()
        raise
    ended.set()
    if show:
        watcher.join()
        passed = time.monotonic() - begun
        if passed > max(quiet, _QUIET_SECONDS):
            say(f"{what}: done in {duration(passed)}")


def bar(title: str, total: int, *, done: int = 0, unit: str = "question", show: bool = True) -> "tqdm[Any]":
    """Return a bar with the time left; a log file gets a line now and then."""
    from tqdm import tqdm

    interactive = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        desc=title,
        unit=unit,
        file=sys.stderr,
        disable=not show,
        dynamic_ncols=interactive,
        mininterval=0.5 if interactive else _REPEAT_SECONDS,
    )


def duration(seconds: float) -> str:
    """Return a time as people say it: `40 s`, `12 min`, `3.5 hours`, `2.1 days`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 86400:.1f} days"


def amount(number: float) -> str:
    """Return a count as people say it: `950`, `12,000`, `3.4 million`."""
    return f"{number / 1e6:,.1f} million" if number >= 1e6 else f"{round(number):,}"
