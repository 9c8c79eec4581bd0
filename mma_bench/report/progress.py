"""What a report is doing, on standard error: one line for each stage with its time."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Prints the stages of a report.

    Args:
        shown: whether anything is printed.
        prefix: first word of each line.
    """

    def __init__(self, shown: bool = True, prefix: str = "report") -> None:
        self._shown = shown
        self._prefix = prefix

    @contextmanager
    def stage(self, text: str) -> Iterator[None]:
        """Print ``text`` when the stage begins, and its time when it is over."""
        if not self._shown:
            yield
            return
        began = time.monotonic()
        print(f"[{self._prefix}] {text} ...", end="", file=sys.stderr, flush=True)
        try:
            yield
        except BaseException:
            print(file=sys.stderr, flush=True)  # an error begins on its own line
            raise
        print(f" {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
