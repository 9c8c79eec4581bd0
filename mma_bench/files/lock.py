"""Locks between processes; the system frees them when the process ends, however it ends."""

import fcntl
from pathlib import Path
from typing import BinaryIO, Literal

Holder = Literal["file", "process"]


def open_locked(path: Path, *, wait: bool = True, holder: Holder = "file") -> BinaryIO:
    """Open ``path`` to append to it, and lock it until it is closed.

    Args:
        path: a file; it is made if it is missing, in a folder that is there.
        wait: wait for another process, or fail at once.
        holder: what has the lock, see `hold`.

    Raises:
        BlockingIOError: another process has the lock, and ``wait`` is false.
        OSError: the file cannot be opened or locked.
    """
    file = open(path, "ab")  # noqa: SIM115  (the caller closes it)
    try:
        hold(file.fileno(), wait=wait, holder=holder)
    except BaseException:
        file.close()
        raise
    return file


def hold(descriptor: int, *, wait: bool = True, holder: Holder = "file", shared: bool = False) -> None:
    """Lock what is open as ``descriptor``.

    Args:
        descriptor: of a file or, for the holder `file`, a folder.
        wait: wait for another process, or fail at once.
        holder: `file`: the lock is held by the open file, and by its copies in forked processes, until all are closed.
            `process`: it is held by this process alone, until it closes the file anywhere. A process that forks
            workers which may live longer needs this one; one that opens the same file twice needs the other.
        shared: several may hold it at a time, as long as nobody holds it alone.

    Raises:
        BlockingIOError: another process has the lock, and ``wait`` is false.
        OSError: it cannot be locked.
    """
    lock = fcntl.flock if holder == "file" else fcntl.lockf
    try:
        lock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except PermissionError as error:  # POSIX lets a system say either
        raise BlockingIOError(*error.args) from error
