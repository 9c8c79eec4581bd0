"""Progress of a stage with the remaining time, also if its tasks run in other processes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.console.progress import bar

if TYPE_CHECKING:
    from tqdm import tqdm


@contextmanager
def progress_bar(title: str, total: int, folder: Path) -> Iterator[None]:
    """Show the number of finished items that the tasks write to ``folder``/progress until the block ends."""
    shown = bar(f"{title:<10}", total, unit="clip")
    ended = threading.Event()

    def poll() -> None:
        while not ended.wait(0.3):
            _advance(shown, folder)

    watcher = threading.Thread(target=poll, daemon=True)
    watcher.start()
    try:
        yield
        ended.set()
        watcher.join()
        shown.update(total - shown.n)
    finally:
        ended.set()
        watcher.join()
        shown.close()


def _advance(shown: "tqdm[Any]", folder: Path) -> None:
    done = 0
    for path in (folder / "progress").glob("*"):
        text = path.read_text(encoding="ascii", errors="replace")
        done += int(text) if text.isdigit() else 0  # empty while a task is writing it
    shown.update(max(0, min(done, shown.total or 0) - shown.n))
