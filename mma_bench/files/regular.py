"""Open files that others supplied: regular files only, inside their folder, of bounded size, without blocking."""

import errno
import os
import stat
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
}
MAX_TEXT_BYTES = 64 << 20
"""Bound for files of text (YAML, JSON, lists of ids): the largest of a published dataset has under a megabyte."""


class UnsafeFileError(OSError):
    """A file that is there but must not be read. An `OSError`, so whoever reads files reports it as one."""

    def __str__(self) -> str:
        return str(self.strerror)


def open_inside(folder: Path, name: str, max_bytes: int) -> int:
    """Return a file descriptor of the file ``name`` below ``folder``, for reading; the caller closes it.

    A symbolic link may lead to another file below ``folder``, as git-annex has them. In a snapshot of the hub's cache
    (`datasets--ORG--NAME/snapshots/REVISION`), all files are links to `datasets--ORG--NAME/blobs`, which is
    allowed too. All other links are refused, also where a folder on the way to the file is one.

    Args:
        folder: folder of the dataset; how it is reached does not matter.
        name: path of the file, relative to ``folder``.
        max_bytes: files larger than this are refused.

    Raises:
        UnsafeFileError: it is not a regular file, is outside the folder, or is too large.
        OSError: it cannot be opened, for example because it is missing.
    """
    try:
        root = Path(os.path.realpath(folder))
        path = Path(os.path.realpath(root / name))
    except ValueError as error:  # a NUL byte
        raise UnsafeFileError(errno.EINVAL, f"{name[:100]!r} is not the name of a file") from error
    roots = [root, root.parent.parent / "blobs"] if root.parent.name == "snapshots" else [root]
    if path == root or not any(path.is_relative_to(allowed) for allowed in roots):
        raise UnsafeFileError(errno.EINVAL, "it is outside the folder, or a link that leads out of it; do not trust it")
    return open_regular(path, max_bytes)


def open_regular(path: Path, max_bytes: int) -> int:
    """Return a file descriptor of the regular file at ``path``, which is not a link; the caller closes it.

    Raises:
        UnsafeFileError: it is not a regular file, or is too large.
        OSError: it cannot be opened.
    """
    _check(path.lstat(), max_bytes)  # before it is opened: opening a device can already have an effect
    handle = os.open(path, _FLAGS)
    try:
        _check(os.fstat(handle), max_bytes)  # and after: it may have been replaced in between
    except OSError:
        os.close(handle)
        raise
    return handle


def read_inside(folder: Path, name: str, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of the file ``name`` below ``folder``; see `open_inside`."""
    with os.fdopen(open_inside(folder, name, max_bytes), "rb") as file:
        return file.read(max_bytes)


def _check(status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise UnsafeFileError(errno.EINVAL, f"it is {kind}, not a regular file; do not trust it")
    if status.st_size > max_bytes:
        raise UnsafeFileError(errno.EFBIG, f"it has {status.st_size} bytes, more than the {max_bytes} that are read")
