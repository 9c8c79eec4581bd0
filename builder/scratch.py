"""Media that are being written: next to their final place, or first on the node's own disk."""

import errno
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path, fsync_folder, locked_folder, remove_abandoned, unused_name

_PREFIX = "mma-bench-scratch-"
_TEMPORARY = ".tmp-"
"""How a name begins that `StageFolder.begin` removes, when no task can be running."""
_place: Path | None = None


@contextmanager
def scratch_disk(asked: str | None) -> Iterator[None]:
    """Write media of this process first to a folder below ``asked`` until the block ends; None changes nothing.

    Temporary files of libraries go there too. The folder is removed at the end; what killed processes left is removed
    by the next one of this node that uses the same disk. Only locks tell which processes were killed, and other nodes
    may not see them, so the name of the folder contains the node's.

    Args:
        asked: a folder on this machine, which may contain variables of the environment such as `$SLURM_TMPDIR`.

    Raises:
        MMABenchError: the folder cannot be used.
    """
    global _place  # one task at a time runs in a process
    if asked is None:
        yield
        return
    root, prefix = Path(os.path.expandvars(asked)), f"{_PREFIX}{platform.node()}@"
    with ExitStack() as stack:
        try:
            if "$" in str(root):
                raise OSError(0, "a variable is not set on this node")
            root.mkdir(parents=True, exist_ok=True)
            remove_abandoned(root, prefix)
            folder = stack.enter_context(locked_folder(root, prefix))
        except OSError as error:
            raise MMABenchError(f"executor.scratch: cannot use {root}: {error.strerror}") from error
        before = _place, tempfile.tempdir
        try:
            _place, tempfile.tempdir = folder, str(folder)
            yield
        finally:
            _place, tempfile.tempdir = before


@contextmanager
def media_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name for ``path`` as `atomic_path` does, on the scratch disk if there is one.

    A finished file is copied next to ``path`` under a unique temporary name and renamed, so ``path`` appears at once
    even if the two are on different file systems, and even if two tasks write it at the same time.
    """
    if _place is None:
        with atomic_path(path) as temporary:
            yield temporary
        return
    with scratch_folder(_place) as folder:
        written = folder / path.name
        yield written
        with atomic_path(path) as temporary:
            shutil.copyfile(written, temporary)


@contextmanager
def scratch_folder(default: Path) -> Iterator[Path]:
    """Yield a new, empty folder on the scratch disk, or below ``default`` if there is none.

    It is removed at the end. What killed processes left is removed with the scratch disk's folder, or when the stage
    begins again: ``default`` may be shared with other nodes, and a lock would not show which of them still writes.
    """
    parent = _place or default
    parent.mkdir(parents=True, exist_ok=True)
    folder = unused_name(parent, _TEMPORARY)
    try:
        folder.mkdir(0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_file(written: Path, path: Path) -> None:
    """Let ``written`` appear as ``path`` at once, also from another file system."""
    try:
        with open(written, "rb") as file:
            os.fsync(file.fileno())
        written.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with atomic_path(path) as temporary:
            shutil.copyfile(written, temporary)
    fsync_folder(path.parent)
