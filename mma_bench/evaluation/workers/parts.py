"""The folder `.parts` of a run: what each of its worker processes has answered, until it is put into the run."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.store import AnswerStore
from mma_bench.evaluation.usage import Price, add_usage
from mma_bench.files.lock import hold

_FOLDER = ".parts"


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
        MMABenchError: its workers are still asking, or a part is damaged.
    """
    if (run / _FOLDER).is_dir():
        with _only_command(run):
            gather_parts(run)


def discard_parts(run: Path) -> None:
    """Delete what the workers of a killed command answered.

    Raises:
        MMABenchError: its workers are still asking.
    """
    if (run / _FOLDER).is_dir():
        with _only_command(run):
            shutil.rmtree(run / _FOLDER)


def gather_parts(run: Path, price: Price | None = None) -> None:
    """Put what the workers answered, and what that took, into ``run``. The caller has claimed the parts.

    A kill in between loses nothing: answers that are in the run already are not added twice.

    Raises:
        MMABenchError: a part is damaged.
    """
    parts = sorted((run / _FOLDER).iterdir(), key=lambda part: (len(part.name), part.name))
    store = AnswerStore(run)
    known = store.read().keys()
    for part in parts:
        with _held(part, wait=True):  # a worker whose command was killed ends soon
            store.append(answer for key, answer in AnswerStore(part).read().items() if key not in known)
    store.sync()
    add_usage(run, parts, store.read().values(), at_once=True, price=price)
    shutil.rmtree(run / _FOLDER)


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
