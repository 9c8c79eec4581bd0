"""Progress of a stage with the time left, also when its tasks run in other processes."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm


@contextmanager
def progress_bar(title: str, total: int, folder: Path) -> Iterator[None]:
    """Show the number of finished items that the tasks leave in ``folder``/progress until the block ends."""
    interactive = sys.stderr.isatty()
    bar: tqdm[Any] = tqdm(
        total=total,
        desc=f"{title:<10}",
        unit="clip",
        file=sys.stderr,
        dynamic_ncols=interactive,
        mininterval=0.5 if interactive else 15,  # a log file gets a line now and then, not thousands
    )
    ended = threading.Event()

    def poll() -> None:
        while not ended.wait(0.3):
            _advance(bar, folder)

    watcher = threading.Thread(target=poll, daemon=True)
    watcher.start()
    try:
        yield
        ended.set()
        watcher.join()
        bar.update(total - bar.n)
    finally:
        ended.set()
        watcher.join()
        bar.close()


def _advance(bar: "tqdm[Any]", folder: Path) -> None:
    done = 0
    for path in (folder / "progress").glob("*"):
        text = path.read_text(encoding="ascii", errors="replace")
        done += int(text) if text.isdigit() else 0  # empty while a task is writing it
    bar.update(max(0, min(done, bar.total or 0) - bar.n))
