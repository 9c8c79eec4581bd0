"""Write files and folders so that a reader, or a second run after a kill, never sees half of one."""

import ctypes
import errno
import glob
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.files.lock import hold

_TEMPORARY = ".tmp-"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def unused_name(folder: Path, prefix: str, suffix: str = "") -> Path:
    """Return a name in ``folder`` that nothing has, to be known before something has it.

    An interruption may come at any line, also inside mkdtemp; what has a known name can be removed.
    """
    return folder / f"{prefix}{secrets.token_hex(8)}{suffix}"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name next to ``path``; on success fsync it and rename it to ``path``.

    On an exception the temporary file is removed and ``path`` is left as it was. The temporary name
    keeps the suffix of ``path`` because ffmpeg chooses the container by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, handle = unused_name(path.parent, _TEMPORARY, path.suffix), -1
    try:
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):  # a file system without locks
            hold(handle)  # `remove_leftovers` leaves it alone
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # it was made for its owner only, and a colleague could not read it
        temporary.replace(path)
        fsync_folder(path.parent)
    finally:
        if handle >= 0:
            os.close(handle)
        temporary.unlink(missing_ok=True)


def leftovers_in(folder: Path) -> list[Path]:
    """Return the temporary files in ``folder`` of processes that were killed inside `atomic_path`."""
    return [path for path in folder.glob(f"{_TEMPORARY}*") if path.is_file() and not path.is_symlink()]


def remove_leftovers(folder: Path) -> None:
    """Remove the files of `leftovers_in`, but for those that a living process is writing."""
    for path in leftovers_in(folder):
        if not _is_being_written(path):
            path.unlink(missing_ok=True)


def _is_being_written(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:  # finished meanwhile
        return False
    try:
        hold(handle, wait=False)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(handle)
    return False


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically, UTF-8 with Unix line ends."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` atomically as JSON with sorted keys: same value, same bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def fsync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a new, empty folder next to ``path``; on success it becomes ``path``, on an exception it is removed.

    What a killed process left is removed by the next one that writes the same folder. Several processes may write the
    same folder at once: each has its own staging folder.

    Args:
        path: the folder to write. A symbolic link is followed.
        replace: whether a folder that is at ``path`` is replaced. Otherwise it must be empty or missing.

    Raises:
        MMABenchError: something else filled ``path``, or removed the staging folder, while the block ran.
    """
    place = path.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{staging_folder(place).name}-"
    remove_abandoned(place.parent, prefix)
    with locked_folder(place.parent, prefix) as staging:
        try:
            yield staging
            _open_to_others(staging)
            _put(staging, place, replace)
        except OSError as error:
            if not staging.is_dir():
                raise MMABenchError(
                    f"{place.parent} or the unfinished folder in it was removed meanwhile; run the command again"
                ) from error
            raise


def _open_to_others(folder: Path) -> None:
    """Let colleagues read what was made for its owner only: `locked_folder` makes 0700, safetensors 0600."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and not path.stat().st_mode & 0o077:
            path.chmod(0o644)


def _put(staging: Path, place: Path, replace: bool) -> None:
    try:
        put_in_place(staging, place, replace=replace)
    except OSError as error:
        if not replace and error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise MMABenchError(f"{place} was filled meanwhile; choose another folder") from error
        raise


def staging_folder(path: Path) -> Path:
    """Return where a folder is made that is resumed after a kill, or that several processes fill.

    The caller makes, resumes and removes it, and calls `put_in_place`; all else uses `atomic_folder`.
    """
    place = path.resolve()
    return place.parent / f".{place.name}.partial"


def put_in_place(staging: Path, path: Path, *, replace: bool = True) -> None:
    """Rename ``staging`` to ``path``; an earlier ``path`` is deleted after the new one has taken its place.

    Args:
        staging: the finished folder, on the same file system.
        path: what it becomes. A symbolic link is followed.
        replace: whether ``path`` may hold something.

    Raises:
        OSError: ``path`` holds something and ``replace`` is false, or the file system refuses.
    """
    place = path.resolve()
    if replace and place.is_dir():
        _exchange(staging, place)
        fsync_folder(place.parent)
        shutil.rmtree(staging)
    else:
        staging.rename(place)  # an empty folder is replaced, one with files refuses
    fsync_folder(place.parent)


def _exchange(a: Path, b: Path) -> None:
    """Swap two folders; there is always one called ``b`` (Linux), or is missing only for an instant (elsewhere)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        if libc.renameat2(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE) == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.ENOSYS, errno.EINVAL):  # EINVAL: a file system that cannot exchange
            raise OSError(code, os.strerror(code), str(b))
    aside = a.with_name(f"{a.name}.replaced")
    b.rename(aside)
    try:
        a.rename(b)
    except OSError:
        aside.rename(b)
        raise
    aside.rename(a)


@contextmanager
def locked_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield a new folder with a lock on it, by which others see that it is not abandoned; it is removed at the end.

    Args:
        parent: where the folder is made.
        prefix: how its name begins.
    """
    while True:
        folder, handle = unused_name(parent, prefix), -1
        try:
            folder.mkdir(0o700)
            with suppress(FileNotFoundError):  # another process took it for abandoned before it was locked
                handle = os.open(folder, os.O_RDONLY)
                with suppress(OSError):  # a file system without locks
                    hold(handle)
            if folder.is_dir():
                yield folder
                return
        finally:
            if handle >= 0:
                os.close(handle)
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders of `locked_folder` whose processes ended without removing them."""
    for folder in parent.glob(f"{glob.escape(prefix)}*"):
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            hold(handle, wait=False)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # a process is writing it, or the file system has no locks
            continue
        finally:
            os.close(handle)
