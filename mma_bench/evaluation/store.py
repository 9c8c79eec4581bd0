"""Raw answers on disk: append-only, one JSON object a line, safe against a kill at any moment."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mma_bench.atomic import write_json
from mma_bench.errors import MMABenchError
from mma_bench.hashing import sha256_json
from mma_bench.schema import Question, Stimulus


class Run(BaseModel):
    """What was asked of whom: the head of a run folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    model_fingerprint: dict[str, str]
    data: str
    data_sha256: str
    split: str
    conditions: list[str]
    limit: int | None
    mma_bench: str

    @property
    def identity(self) -> tuple[Any, ...]:
        """What must not change while answers are added: model and data."""
        return self.model, sorted(self.model_fingerprint.items()), self.data_sha256, self.split


@dataclass(frozen=True)
class StoredAnswer:
    """One line of the store; see `mma_bench.models.Answer`. Lines of earlier versions have no `option_tokens`."""

    id: str
    question_id: str
    text: str
    option_scores: Mapping[str, float]
    option_tokens: Mapping[str, int] = field(default_factory=dict)


def answer_id(stimulus: Stimulus, question: Question, fingerprint: Mapping[str, str]) -> str:
    """Return the hash of all that an answer depends on: media, prompt, options and model."""
    media = [stimulus.video.sha256, stimulus.audio.sha256, stimulus.seconds]
    return sha256_json([media, question.question_id, question.prompt, question.options, dict(fingerprint)])


class AnswerStore:
    """The file `answers.jsonl` of a run folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "answers.jsonl"

    def read(self) -> dict[str, StoredAnswer]:
        """Return the stored answers by id, after cutting off a line that a kill left unfinished.

        Raises:
            MMABenchError: a line in the middle is damaged.
        """
        if not self.path.is_file():
            return {}
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with open(self.path, "r+b") as file:
                file.truncate(whole)
        answers: dict[str, StoredAnswer] = {}
        for number, line in enumerate(content[:whole].splitlines(), start=1):
            try:
                answer = StoredAnswer(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise MMABenchError(
                    f"{self.path}, line {number} is damaged; delete that line, its question is asked again"
                ) from error
            answers[answer.id] = answer
        return answers

    def append(self, answers: Iterable[StoredAnswer]) -> None:
        """Add answers; when this returns they survive a power cut."""
        lines = [json.dumps(vars(answer), ensure_ascii=False, sort_keys=True) + "\n" for answer in answers]
        with open(self.path, "ab") as file:
            file.write("".join(lines).encode("utf-8", errors="surrogatepass"))
            file.flush()
            os.fsync(file.fileno())


def check_run(folder: Path, run: Run, *, overwrite: bool) -> None:
    """Check that ``folder`` is new, to be overwritten, or holds answers of the same model about the same data.

    Raises:
        MMABenchError: ``folder`` holds answers of another model or about other data.
    """
    earlier = None if overwrite else _read_run(folder)
    if earlier and earlier.identity != run.identity:
        raise MMABenchError(
            f"{folder} holds answers of {earlier.model} about {earlier.data}, of another model, version, setting or "
            "state of the data; choose another --run, or --overwrite to ask everything again"
        )


def begin_run(folder: Path, run: Run, *, overwrite: bool) -> None:
    """Write the head of a run.

    Raises:
        MMABenchError: as `check_run`.
    """
    check_run(folder, run, overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".tmp-*"):  # of a run that was killed while it wrote its head or its scores
        leftover.unlink(missing_ok=True)
    if overwrite:
        (folder / "answers.jsonl").unlink(missing_ok=True)
    write_json(folder / "run.json", run.model_dump())


def open_run(folder: Path) -> Run:
    """Return the head of the run in ``folder``.

    Raises:
        MMABenchError: there is none.
    """
    run = _read_run(folder)
    if run is None:
        raise MMABenchError(f"{folder} is not a run; make one with `mma-bench eval --run {folder}`")
    return run


def _read_run(folder: Path) -> Run | None:
    path = folder / "run.json"
    if not path.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise MMABenchError(f"{folder} exists and is not a run; choose another folder")
        return None
    try:
        return Run.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise MMABenchError(f"{path} cannot be read by this version; choose another --run") from error
