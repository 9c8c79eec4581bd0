"""Who judged a run, and all that the judge said: `judge.json` and the append-only `judge.jsonl` of a run folder."""

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.judge.prompt import VERSION, judge_prompt, needs_judge, read_reply
from mma_bench.files.atomic import write_json
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_bytes, sha256_json
from mma_bench.files.jsonl import whole_lines
from mma_bench.parsing import Parsed
from mma_bench.schema import Modality


class Judge(BaseModel):
    """A judge, and all that decides what it says.

    Attributes:
        model: its name.
        fingerprint: what `mma_bench.models.Model.fingerprint` says of it.
        version: version of the prompt and of how replies are read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    fingerprint: dict[str, str]
    version: str = VERSION

    @property
    def title(self) -> str:
        """Name, version and the beginning of the hash, for people."""
        return f"{self.model} (version {self.version}, {self.sha256[:12]})"

    @functools.cached_property
    def sha256(self) -> str:
        """Hash of all attributes."""
        return sha256_json(self.model_dump(mode="json"))


class Replies:
    """What a judge said so far.

    Args:
        judge: who.
        known: its replies by the hash of the prompt.
    """

    def __init__(self, judge: Judge, known: Mapping[str, str]) -> None:
        self.judge = judge
        self._known = known

    def key(self, prompt: str) -> str:
        """Return the name of the reply to ``prompt``."""
        return sha256_bytes(f"{self.judge.sha256}\n{prompt}".encode())

    def has(self, prompt: str) -> bool:
        """Return whether the judge replied to ``prompt``."""
        return self.key(prompt) in self._known

    def read(self, text: str, options: Sequence[str], modality: Modality, parsed: Parsed) -> Parsed:
        """Return how an answer is read: by the parser, or where no rule could and the judge replied, by the judge."""
        if not needs_judge(parsed.outcome, parsed.rule):
            return parsed
        reply = self._known.get(self.key(judge_prompt(text, options, modality)))
        return parsed if reply is None else read_reply(reply, options, parsed)


def read_judge(folder: Path) -> Judge | None:
    """Return the judge of the run in ``folder``, if it was scored with one.

    Raises:
        MMABenchError: its record is damaged or of another version.
    """
    path = folder / "judge.json"
    if not path.is_file():
        return None
    try:
        judge = Judge.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise MMABenchError(f"{path} is damaged; score again with --judge, or with --no-judge") from error
    if judge.version != VERSION:
        raise MMABenchError(
            f"{path}: the run was judged by version {judge.version}, this is {VERSION}; score again with --judge, or "
            "with --no-judge"
        )
    return judge


def write_judge(folder: Path, judge: Judge) -> None:
    """Make ``judge`` the judge of the run in ``folder``."""
    write_json(folder / "judge.json", judge.model_dump(mode="json"))


def forget_judge(folder: Path) -> None:
    """Score the run in ``folder`` without a judge from now on. What judges said is kept."""
    (folder / "judge.json").unlink(missing_ok=True)


def replies_path(folder: Path) -> Path:
    """Return the file of all replies about the run in ``folder``."""
    return folder / "judge.jsonl"


def read_replies(folder: Path, judge: Judge) -> Replies:
    """Return what ``judge``, and others, said about the run in ``folder``, but for a line that a kill left unfinished.

    Raises:
        MMABenchError: a line in the middle is damaged.
    """
    path = replies_path(folder)
    known: dict[str, str] = {}
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            stored = parse_json(line)
            name, reply = stored["id"], stored["reply"]
            if not isinstance(name, str) or not isinstance(reply, str):
                raise TypeError("wrong type")
        except (ValueError, TypeError, KeyError) as error:
            raise MMABenchError(
                f"{path}, line {number} is damaged; delete that line, the judge is asked again"
            ) from error
        known[name] = reply
    return Replies(judge, known)


def append_reply(folder: Path, name: str, reply: str) -> None:
    """Add a reply; when this returns it survives a power cut."""
    with open(replies_path(folder), "ab") as file:
        file.write(json.dumps({"id": name, "reply": reply}).encode("ascii") + b"\n")
        file.flush()
        os.fsync(file.fileno())
