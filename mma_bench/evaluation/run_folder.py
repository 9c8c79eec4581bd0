"""The folder of a run and the asking that fills it: the same for the benchmark's own questions and AVHBench's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from mma_bench.console.interruption import Interruption, held_back
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.outlook import AnswerProgress
from mma_bench.files.atomic import leftovers_in, remove_leftovers, write_json
from mma_bench.models.interface import Model

if TYPE_CHECKING:
    from mma_bench.evaluation.store import AnswerStore

_Head = TypeVar("_Head", bound=BaseModel)


def read_head(folder: Path, name: str, kind: type[_Head], *, what: str = "a run") -> _Head | None:
    """Return what a run says of itself, or None for a folder that is new or empty.

    A folder counts as empty if its run was killed while it wrote its head for the first time.

    Args:
        folder: of the run.
        name: file of the head.
        kind: what it holds.
        what: what such a folder is called, for messages.

    Raises:
        MMABenchError: the folder holds something else, or the head is damaged.
    """
    path = folder / name
    if not path.is_file():
        if folder.is_dir() and {*folder.iterdir()}.difference(leftovers_in(folder)):
            raise MMABenchError(f"{folder} exists and is not {what}; choose another folder")
        return None
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise MMABenchError(f"{path} cannot be read by this version; choose another --run") from error


def write_head(folder: Path, name: str, head: Mapping[str, Any], *, discard: Sequence[str] = ()) -> None:
    """Begin or resume a run.

    Args:
        folder: of the run.
        name: file of the head.
        head: what the run says of itself.
        discard: files of an earlier run to remove.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)  # of a run that was killed while it wrote its head or its scores
    for file in discard:
        (folder / file).unlink(missing_ok=True)
    write_json(folder / name, head)


@contextmanager
def keeping(model: Model, store: "AnswerStore") -> Iterator[Interruption]:
    """Hold interruptions back while a block asks ``model``; afterwards the answers are on the disk.

    Args:
        model: who is asked.
        store: where the block puts the answers.

    Yields:
        Whether the block should begin nothing new.
    """
    try:
        with held_back(model.stop_soon) as interruption:
            yield interruption
    finally:
        store.sync()  # also what was answered before a failure


@contextmanager
def asking(
    model: Model, store: "AnswerStore", total: int, answered: int, *, progress: bool
) -> Iterator[tuple[AnswerProgress, Interruption]]:
    """Show progress while a block asks ``model``, and keep the answers, see `keeping`.

    Args:
        model: who is asked.
        store: where the block puts the answers.
        total: all questions.
        answered: those with an answer.
        progress: show progress on standard error.

    Yields:
        The progress, and whether the block should begin nothing new.
    """
    with (
        AnswerProgress(model.name, total, answered, show=progress) as bar,
        keeping(model, store) as interruption,
    ):
        yield bar, interruption
