"""The folder `.parts` of a run: what each of its worker processes has answered, until it is put into the run."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.store import ANSWERS_FILE, AnswerStore, open_run
from mma_bench.evaluation.usage import USAGE_FILE, Price, add_usage
from mma_bench.files.atomic import leftovers_in
from mma_bench.files.lock import hold

_FOLDER = ".parts"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@contextmanager
def own_part(run: Path, index: int) -> Iterator[Path]:
    """Make the folder of one worker, and lock it for as long as the block writes there.

    Args:
        run: folder of the run.
        index: of the worker, from 0.
    """
    part = run / _FOLDER / str(index + 1)
    part.mkdir(parents=True, exist_ok=True)
    with _held(part, wait=True):
        yield part


@contextmanager
def claimed_parts(run: Path) -> Iterator[None]:
    """Keep other commands from asking with workers in ``run``, or from gathering its parts, inside the block.

    Raises:
        MMABenchError: another command does so.
    """
    (run / _FOLDER).mkdir(parents=True, exist_ok=True)
    with _only_command(run):
        yield


def recover_parts(run: Path) -> None:
    """Put into ``run`` what the workers of a killed command answered, if anything.

    Raises:
        MMABenchError: ``run`` is not a run, its workers are still asking, or a part is damaged.
    """
    if _has_parts(run):
        with _only_command(run):
            gather_parts(run)


def discard_parts(run: Path) -> None:
    """Delete what the workers of a killed command answered.

    Raises:
        MMABenchError: ``run`` is not a run, or its workers are still asking.
    """
    if _has_parts(run):
        with _only_command(run):
            for part in _parts(run):
                _remove(part)
            _gathered(run).unlink(missing_ok=True)
            _remove_if_empty(run / _FOLDER)


def gather_parts(run: Path, price: Price | None = None) -> None:
    """Put what the workers answered, and what that took, into ``run``. The caller has claimed the parts.

    A kill in between loses nothing and counts nothing twice: answers that are in the run already are not added, and
    the new record of usage waits next to the parts until they are removed.

    Raises:
        MMABenchError: a part is damaged.
    """
    parts, gathered = _parts(run), _gathered(run)
    if not gathered.is_file():
        store = AnswerStore(run)
        known = store.read().keys()
        for part in parts:
            with _held(part, wait=True):  # a worker whose command was killed ends soon
                store.append(answer for key, answer in AnswerStore(part).read().items() if key not in known)
        store.sync()
        add_usage(run, parts, store.read().values(), at_once=True, price=price, to=gathered)
    for part in parts:
        _remove(part)
    if gathered.is_file():
        gathered.replace(run / USAGE_FILE)
    _remove_if_empty(run / _FOLDER)


def _has_parts(run: Path) -> bool:
    """Return whether there is a folder of parts.

    Raises:
        MMABenchError: there is, but ``run`` is not a run, so it is somebody else's, or it is a link or a file.
    """
    folder = run / _FOLDER
    if not os.path.lexists(folder):
        return False
    open_run(run, judged=False)
    for place in (folder, *_numbered(folder)):
        if place.is_symlink() or not place.is_dir():
            raise MMABenchError(f"{place} is not a folder but a link or a file; remove it, or choose another --run")
    return True


def _parts(run: Path) -> list[Path]:
    """Return the folders of the workers, in their order."""
    return sorted(_numbered(run / _FOLDER), key=lambda part: int(part.name))


def _numbered(folder: Path) -> list[Path]:
    return [place for place in folder.iterdir() if _NUMBER.fullmatch(place.name)] if folder.is_dir() else []


def _gathered(run: Path) -> Path:
    """Return the file for the usage of the run with that of its parts, which exists until they are removed."""
    return run / _FOLDER / USAGE_FILE


def _remove(part: Path) -> None:
    """Remove what a worker writes, and nothing else."""
    for file in (part / ANSWERS_FILE, part / USAGE_FILE, *leftovers_in(part)):
        file.unlink(missing_ok=True)
    _remove_if_empty(part)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _only_command(run: Path) -> Iterator[None]:
    try:
        with _held(run / _FOLDER, wait=False):
            yield
    except BlockingIOError as error:
        raise MMABenchError(
            f"another `mma-bench eval --workers` is running in {run}; wait for it to end, or choose another --run"
        ) from error


@contextmanager
def _held(folder: Path, *, wait: bool) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            hold(handle, wait=wait)
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)
