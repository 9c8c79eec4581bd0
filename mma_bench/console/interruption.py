"""Ctrl-C and SIGTERM end a command in order, and say what is kept."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived, as from a batch system whose time is up: it ends a command as Ctrl-C does."""


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Return 128 + the number of the signal, as shells do."""
    return 128 + (signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT)


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` in the main thread when SIGTERM arrives, so that files are closed and synced."""
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    owner = os.getpid()

    def terminate(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked worker, which its parent stops: it must die at once
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Interruption:
    """Whether the block of `held_back` was interrupted."""

    def __init__(self) -> None:
        self.arrived: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.arrived)


@contextmanager
def held_back(stop_soon: Callable[[], bool]) -> Iterator[Interruption]:
    """Let the block keep what is under way after Ctrl-C or SIGTERM; the interruption is raised at its end.

    The first signal calls ``stop_soon``. If that says that the block ends soon, nothing is raised before its end. If
    not, and at the second signal, the interruption is raised at once. Outside the main thread nothing is held back.

    Yields:
        Whether a signal has arrived, for a block that begins something new.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    # Where a signal is ignored or kills the process, it stays so.
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handlers = {number: handler for number, handler in previous.items() if callable(handler)}
    owner = os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:
        interruption.arrived.append(number)
        # A forked worker has its own way to end.
        if os.getpid() != owner or len(interruption.arrived) > 1 or not stop_soon():
            handlers[signal.Signals(number)](number, frame)

    for number in handlers:
        signal.signal(number, handle)
    try:
        yield interruption
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if interruption:
        handlers[signal.Signals(interruption.arrived[0])](interruption.arrived[0], None)
        raise KeyboardInterrupt  # a handler of the user's own that raises nothing
