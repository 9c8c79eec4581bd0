"""Reads AVHBench's questions, and finds those that occur twice."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mma_bench.avhbench.protocol import protocol
from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.faults import first_fault
from mma_bench.files.hashing import sha256_bytes
from mma_bench.models.checks import NO, YES

_OBJECT = re.compile(r"(?:Is|Are) (?:the |an? )?(.+) (?:visible in the video|making sounds? in the audio)\?")
_LONGEST = 4000


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # The id becomes a file name, so it must not contain a path.
    video_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    task: str
    text: Annotated[str, Field(min_length=1, max_length=_LONGEST)]
    label: Annotated[str, Field(min_length=1, max_length=_LONGEST)]


@dataclass(frozen=True)
class Row:
    """One row of the questions' file.

    Attributes:
        number: position in the file, from 0.
        video_id: the video.
        task: short name of the task, see `protocol.yaml`.
        text: the question as published, without our suffix.
        label: `Yes` or `No`, or a person's caption.
    """

    number: int
    video_id: str
    task: str
    text: str
    label: str

    @property
    def prompt(self) -> str:
        """The exact text for the model."""
        return protocol().prompt(self.task, self.text)

    @property
    def name(self) -> str:
        """Name of the question among those of its video; rows that ask the same question share it."""
        return f"{self.task}_{sha256_bytes(self.prompt.encode('utf-8'))[:12]}"

    @property
    def asked_object(self) -> str:
        """The object of a hallucination question, such as `car`; empty for other questions."""
        match = _OBJECT.fullmatch(self.text)
        return match[1] if match else ""


@dataclass(frozen=True)
class Repeated:
    """A question that the file asks several times about one video.

    Attributes:
        rows: positions in the file.
        labels: the given labels; several labels contradict each other, and no answer can be right on all rows.
    """

    video_id: str
    text: str
    rows: Sequence[int]
    labels: Sequence[str]

    @property
    def contradicts(self) -> bool:
        """Whether the labels differ."""
        return len(set(self.labels)) > 1


def read_questions(path: Path, tasks: Collection[str] = ()) -> list[Row]:
    """Return the rows of AVHBench's `QA.json`, of all ``tasks`` or of some.

    Raises:
        MMABenchError: the file is not such a list, or there is no such task.
    """
    known = {task.name: name for name, task in protocol().tasks.items()}
    if wrong := sorted(set(tasks) - set(known.values())):
        raise MMABenchError(unknown("AVHBench has no task", wrong[0], known.values()))
    try:
        entries = TypeAdapter(list[_Entry]).validate_json(path.read_bytes())
    except OSError as error:
        raise MMABenchError(f"{path} cannot be read: {error.strerror}; give AVHBench's QA.json as --qa") from error
    except ValidationError as error:
        raise MMABenchError(
            f"{path}: {first_fault(error)}; AVHBench's file is a list of {{video_id, task, text, label}}"
        ) from error
    rows = [_row(path, number, entry, known) for number, entry in enumerate(entries)]
    return [row for row in rows if not tasks or row.task in tasks]


def _row(path: Path, number: int, entry: _Entry, known: dict[str, str]) -> Row:
    task = known.get(entry.task)
    if task is None:
        raise MMABenchError(f"{path}[{number}]: {unknown('unknown task', entry.task, known)}")
    if protocol().tasks[task].asks == "yes_no" and entry.label not in (YES, NO):
        raise MMABenchError(f"{path}[{number}]: the label of {entry.task} must be Yes or No, got {entry.label[:40]!r}")
    return Row(number, entry.video_id, task, entry.text, entry.label)


def repeated(rows: Sequence[Row]) -> list[Repeated]:
    """Return the questions that are asked more than once about one video, contradictory ones first."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.video_id, row.text), []).append(row)
    found = [
        Repeated(video_id, text, [row.number for row in group], [row.label for row in group])
        for (video_id, text), group in groups.items()
        if len(group) > 1
    ]
    return sorted(found, key=lambda group: not group.contradicts)
