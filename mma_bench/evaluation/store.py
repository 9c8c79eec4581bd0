"""Raw answers on disk: append-only, one JSON object a line, safe against a kill at any moment."""

import functools
import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.judge.record import Judge, forget_judge, read_judge
from mma_bench.evaluation.people import PEOPLE_PREFIX
from mma_bench.evaluation.protocols import NearSynonyms, Protocol, load_protocol
from mma_bench.evaluation.run_folder import read_head, write_head
from mma_bench.evaluation.shards.shard import MergedShard, Shard
from mma_bench.files.atomic import write_bytes
from mma_bench.files.jsonl import cut_unfinished_line, whole_lines
from mma_bench.schema import Checked, Modality, Question, Stimulus

HEAD_FILE = "run.json"
ANSWERS_FILE = "answers.jsonl"
_SYNC_SECONDS = 1.0
"""Between two calls of fsync, which for each stimulus was 42% of the evaluator's own time."""

_decode = json.JSONDecoder().decode
_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


BASELINE_PREFIX = "baseline:"
"""How the names of our baselines begin: what tells them in runs that do not record it."""

_RARE = ("baseline", "sorts_by_streams", "limit_by", "withheld", "shard", "shards")


class Run(Checked):
    """What was asked of whom: the head of a run folder.

    Attributes:
        protocol: the whole protocol, so that its file is not needed to score the run. Runs of earlier versions
            have none: they asked what is now the protocol ``paper``.
        protocol_sha256: its hash when the run was made.
        repeats: how often each question was asked.
        near_synonyms: what was done about lies that are near-synonyms, if the protocol excludes them.
        judge: the language model that read what no rule could, if one did. It has its own file,
            `judge.json`, because answers do not depend on it.
        baseline: whether the model is a baseline, recorded where its name does not tell.
        sorts_by_streams: whether the model was asked in the order of `Sample.streams`, recorded if it was.
        limit_by: how ``limit`` chose the stimuli, see `mma_bench.load`. Runs of earlier versions have none: they took
            the first ones by key.
        withheld: modalities that the model was not given, recorded if there are any.
        shard: which share of the stimuli it asks, if it is one of several shards.
        shards: those that it was merged from, if it was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    model_fingerprint: dict[str, str]
    data: str
    data_sha256: str
    split: str
    conditions: list[str]
    limit: int | None
    mma_bench: str
    protocol: Protocol | None = None
    protocol_sha256: str | None = None
    repeats: int = Field(default=1, ge=1)
    near_synonyms: NearSynonyms | None = None
    judge: Judge | None = None
    baseline: bool | None = None
    sorts_by_streams: bool | None = None
    limit_by: Literal["class"] | None = None
    withheld: list[Modality] | None = None
    shard: Shard | None = None
    shards: list[MergedShard] | None = None

    @model_serializer(mode="wrap")
    def _without_unsaid(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what most runs do not say."""
        plain: dict[str, Any] = handler(self)
        return {name: value for name, value in plain.items() if name not in _RARE or value is not None}

    @property
    def title(self) -> str:
        """The model's name, with the shard if it is one."""
        return f"{self.model}, shard {self.shard}" if self.shard else self.model

    @property
    def is_baseline(self) -> bool:
        """Whether the model is a rule that reads labels, not a model under test."""
        return self.model.startswith(BASELINE_PREFIX) if self.baseline is None else self.baseline

    @property
    def is_person(self) -> bool:
        """Whether a person was asked, with `python -m builder quiz`."""
        return self.model.startswith(PEOPLE_PREFIX)

    @property
    def asked(self) -> Protocol:
        """The protocol, with the judge: numbers of other judges, or of none, do not compare."""
        protocol = self.protocol or load_protocol("paper")
        return protocol.changed(judge=self.judge.title) if self.judge else protocol

    @property
    def identity(self) -> tuple[Any, ...]:
        """What must not change while answers are added: model, data and protocol."""
        fingerprint = sorted(self.model_fingerprint.items())
        return self.model, fingerprint, self.data_sha256, self.split, self.asked.sha256


@dataclass(slots=True)
class StoredAnswer:
    """One line of the store; see `mma_bench.models.Answer`.

    Lines of earlier versions have no `option_tokens`, no `repeat` and nothing after it. What is unknown is not stored.
    Seconds differ between two runs of the same model, so two files with the same answers do not have the same bytes.
    """

    id: str
    question_id: str
    text: str
    option_scores: Mapping[str, float]
    option_tokens: Mapping[str, int] = field(default_factory=dict)
    repeat: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    finish_reason: str | None = None
    served_by: str | None = None
    reasoning: str | None = None

    def line(self) -> bytes:
        """Return the line as it is stored: UTF-8, in which a lone half of a surrogate pair is an escape of JSON."""
        values = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}
        text = json.dumps(values, ensure_ascii=False, sort_keys=True) + "\n"
        return text.encode("utf-8", errors="backslashreplace")


class AnswerKeys:
    """Names answers by all that they depend on: media, prompt, options, model with its decoding, and repeat.

    The key is the SHA-256 of these as canonical JSON. What many questions share is encoded once, and keys that were
    asked for are kept: an evaluation needs each three times.

    Args:
        fingerprint: identity of the model.
    """

    def __init__(self, fingerprint: Mapping[str, str]) -> None:
        self.fingerprint = fingerprint
        self._model = _json(dict(fingerprint))
        self._options = functools.lru_cache(4096)(lambda options: _json(list(options)))
        self._media: tuple[Stimulus | None, str] = None, ""
        self._known: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}

    def keys(self, stimulus: Stimulus, question: Question, repeats: int) -> list[str]:
        """Return the keys of the first answers to a question. The very first has no repeat in its key."""
        options = tuple(question.options)
        name = stimulus.key, question.question_id, question.prompt, options
        known = self._known.get(name, [])
        if len(known) < repeats:
            known = self._known[name] = self._make(stimulus, question, options, repeats)
        return known[:repeats]

    def _make(self, stimulus: Stimulus, question: Question, options: tuple[str, ...], repeats: int) -> list[str]:
        if self._media[0] is not stimulus:
            self._media = stimulus, _json([stimulus.video.sha256, stimulus.audio.sha256, stimulus.seconds])
        parts = (
            self._media[1],
            encode_basestring(question.question_id),
            encode_basestring(question.prompt),
            self._options(options),
            self._model,
        )
        common = hashlib.sha256(f"[{','.join(parts)}".encode())
        found = []
        for repeat in range(repeats):
            one = common.copy()
            one.update(f",{repeat}]".encode() if repeat else b"]")
            found.append(one.hexdigest())
        return found

    def key(self, stimulus: Stimulus, question: Question, repeat: int = 0) -> str:
        """Return the key of one answer."""
        return self.keys(stimulus, question, repeat + 1)[repeat]


def answer_id(stimulus: Stimulus, question: Question, fingerprint: Mapping[str, str], repeat: int = 0) -> str:
    """Return the key of one answer, see `AnswerKeys`."""
    return AnswerKeys(fingerprint).key(stimulus, question, repeat)


class AnswerStore:
    """The file `answers.jsonl` of a run folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / ANSWERS_FILE
        self._synced = 0.0
        self._is_whole = False

    def read(self) -> dict[str, StoredAnswer]:
        """Return the stored answers by id. A line that a kill left unfinished is ignored; `append` cuts it off.

        Raises:
            MMABenchError: a line in the middle is damaged.
        """
        answers: dict[str, StoredAnswer] = {}
        for number, line in enumerate(whole_lines(self.path), start=1):
            try:
                answer = StoredAnswer(**_decode(line.decode("utf-8", errors="surrogatepass")))
                _check(answer)
            except (ValueError, TypeError, RecursionError) as error:
                raise MMABenchError(
                    f"{self.path}, line {number} is damaged; delete that line, its question is asked again"
                ) from error
            answers[answer.id] = answer
        return answers

    def append(self, answers: Iterable[StoredAnswer]) -> None:
        """Add answers; when this returns they survive a kill, but a power cut only after a `sync`.

        There is one here if the last was a second ago; the caller brings to the disk what comes after it.
        """
        lines = [answer.line() for answer in answers]
        if not self._is_whole:
            cut_unfinished_line(self.path)
            self._is_whole = True
        with open(self.path, "ab") as file:
            file.write(b"".join(lines))
        if time.monotonic() - self._synced >= _SYNC_SECONDS:
            self.sync()

    def replace(self, answers: Iterable[StoredAnswer]) -> None:
        """Write ``answers`` in place of all that are stored; a kill leaves either."""
        write_bytes(self.path, b"".join(answer.line() for answer in answers))

    def sync(self) -> None:
        """Bring what was added to the disk itself."""
        if self.path.is_file():
            with open(self.path, "rb") as file:
                os.fsync(file.fileno())
        self._synced = time.monotonic()


def check_run(folder: Path, run: Run, *, overwrite: bool) -> None:
    """Check that ``folder`` is new, to be overwritten, or holds answers of the same model about the same data.

    Raises:
        MMABenchError: ``folder`` holds answers of another model, about other data, of another protocol or shard.
    """
    earlier = None if overwrite else _read_run(folder)
    if earlier and earlier.shard != run.shard:
        kinds = (f"shard {one.shard} of a run" if one.shard else "a whole run" for one in (earlier, run))
        raise MMABenchError("{} holds {}, and this command asks for {}; choose another --run".format(folder, *kinds))
    if earlier and earlier.identity != run.identity:
        asked = f" by the protocol {earlier.asked.title}" if earlier.asked.sha256 != run.asked.sha256 else ""
        raise MMABenchError(
            f"{folder} holds answers of {earlier.model} about {earlier.data}{asked}, of another model, version, "
            "setting, protocol or state of the data; choose another --run, or --overwrite to ask everything again"
        )


def begin_run(folder: Path, run: Run, *, overwrite: bool) -> None:
    """Write the head of a run.

    Raises:
        MMABenchError: as `check_run`.
    """
    check_run(folder, run, overwrite=overwrite)
    if overwrite:
        forget_judge(folder)
    elif earlier := _read_run(folder):
        run = run.changed(shards=earlier.shards)
    head = run.model_dump(mode="json", exclude={"judge"})
    write_head(folder, HEAD_FILE, head, discard=(ANSWERS_FILE, "usage.json", "scores.json") if overwrite else ())


def open_run(folder: Path, *, judged: bool = True) -> Run:
    """Return the head of the run in ``folder``.

    Args:
        folder: a run.
        judged: with its judge, if it has one.

    Raises:
        MMABenchError: there is none, or its protocol was changed since.
    """
    run = _read_run(folder)
    if run is None:
        raise MMABenchError(f"{folder} is not a run; make one with `mma-bench eval --run {folder}`")
    return run.changed(judge=read_judge(folder) if judged else None)


def _check(answer: StoredAnswer) -> None:
    """Raise TypeError if a field has another type: a file may come from anywhere."""
    texts = (answer.id, answer.question_id, answer.text)
    if not all(isinstance(text, str) for text in texts) or not isinstance(answer.repeat, int):
        raise TypeError("wrong type")
    if not isinstance(answer.option_scores, dict) or not isinstance(answer.option_tokens, dict):
        raise TypeError("wrong type")
    if answer.option_scores and not all(isinstance(v, int | float) for v in answer.option_scores.values()):
        raise TypeError("wrong type")
    if not all(value is None or type(value) is int for value in (answer.input_tokens, answer.output_tokens)):
        raise TypeError("wrong type")
    words = (answer.finish_reason, answer.served_by, answer.reasoning)
    if not all(value is None or isinstance(value, str) for value in words):
        raise TypeError("wrong type")
    if answer.seconds is not None and not isinstance(answer.seconds, int | float):
        raise TypeError("wrong type")


def _read_run(folder: Path) -> Run | None:
    run = read_head(folder, HEAD_FILE, Run)
    if run and run.protocol and run.protocol.sha256 != run.protocol_sha256:
        raise MMABenchError(
            f"{folder / HEAD_FILE}: the protocol was changed after the run was made (sha256 "
            f"{run.protocol.sha256[:12]}, was {str(run.protocol_sha256)[:12]}); choose another --run"
        )
    return run
