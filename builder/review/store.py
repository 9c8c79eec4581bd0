"""People's decisions on disk: append-only, one JSON object per line, safe against a kill at any moment."""

import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mma_bench.errors import MMABenchError
from mma_bench.files.lock import open_locked
from mma_bench.schema import Record

Judgement = Literal["yes", "no", "unsure"]
LONGEST_NAME = 40


class Decision(Record):
    """One line of the store."""

    annotator: str = Field(min_length=1, max_length=LONGEST_NAME)
    item_id: str
    clip_id: str
    sound_clip_id: str
    decision: Judgement | Literal["undo"]
    blind: bool

    @property
    def is_attention_check(self) -> bool:
        """Whether the clip was shown with the audio of another."""
        return self.sound_clip_id != self.clip_id


class DecisionStore:
    """The file `decisions.jsonl`. Threads of one process may share a store."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "decisions.jsonl"
        self._lock = threading.Lock()
        self._held: Any = None

    def open_alone(self) -> None:
        """Ensure that no other page writes to the store, and remove a line that a kill left unfinished.

        Raises:
            MMABenchError: another page is using it, or the folder cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Held by the open file: a lock of the process ends as soon as it closes the file anywhere, as `read` does.
            self._held = open_locked(self.path, wait=False, holder="file")
        except BlockingIOError as error:
            raise MMABenchError(
                f"another review page is writing to {self.path}; open that one, or stop it first"
            ) from error
        except OSError as error:
            raise MMABenchError(f"cannot write to {self.path}: {error.strerror}") from error
        content = self.path.read_bytes()
        if not content.endswith(b"\n") and content:
            self._held.truncate(content.rfind(b"\n") + 1)

    def append(self, decision: Decision) -> None:
        """Add a decision; when this returns, it survives a power failure."""
        line = json.dumps(decision.model_dump(), ensure_ascii=True, sort_keys=True) + "\n"
        with self._lock, open(self.path, "ab") as file:
            file.write(line.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Decision]:
        """Return all lines in order, without an unfinished last one.

        Raises:
            MMABenchError: a line is damaged.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise MMABenchError(f"cannot read {self.path}: {error.strerror}") from error
        decisions = []
        for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
            try:
                decisions.append(Decision.model_validate_json(line))
            except ValueError as error:
                raise MMABenchError(
                    f"{self.path}, line {number} is damaged; delete that line, its clip is shown again"
                ) from error
        return decisions


def in_force(decisions: Iterable[Decision]) -> dict[str, dict[str, Decision]]:
    """Return each annotator's valid decisions by item, in the order they were made.

    A later decision about an item replaces an earlier one; `undo` revokes one.
    """
    standing: dict[str, dict[str, Decision]] = {}
    for decision in decisions:
        of_one = standing.setdefault(decision.annotator, {})
        of_one.pop(decision.item_id, None)
        if decision.decision != "undo":
            of_one[decision.item_id] = decision
    return standing
