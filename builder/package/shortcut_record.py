"""`metadata/shortcuts.json`: what models answered rightly about what they were not given, for the card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

from mma_bench.evaluation.rescoring import Rescored
from mma_bench.evaluation.shortcuts import Shortcut, shortcuts_of
from mma_bench.files.atomic import write_json
from mma_bench.files.hashing import sha256_json
from mma_bench.files.regular import read_inside
from mma_bench.schema import SHA256_PATTERN, Checked, Modality

SHORTCUTS = "metadata/shortcuts.json"

_Share = Annotated[float, Field(ge=0, le=1)]
_Text = Annotated[str, Field(max_length=500)]


class _Part(Checked):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ShortcutRow(_Part):
    """One task; see `mma_bench.evaluation.shortcuts.Shortcut`."""

    task: _Text
    questions: int = Field(ge=0)
    right: _Share
    low: _Share
    high: _Share
    chance: _Share
    above_chance: bool

    @classmethod
    def of(cls, found: Shortcut) -> "ShortcutRow":
        """Return a row as it is stored: six decimals."""
        numbers = {"right": found.right.value, "low": found.right.low, "high": found.right.high, "chance": found.chance}
        return cls(
            task=found.task,
            questions=found.questions,
            above_chance=found.above_chance,
            **{name: round(value, 6) for name, value in numbers.items()},
        )


class ShortcutRun(_Part):
    """One model that was not given everything.

    Attributes:
        model: its name.
        fingerprint_sha256: hash of all that determines its answers.
        withheld: what it was not given.
        protocol: of the questions, with version and hash.
        limit: maximum number of stimuli per condition, if there was one.
        rows: the tasks.
    """

    model: _Text
    fingerprint_sha256: str = Field(pattern=SHA256_PATTERN)
    withheld: list[Modality] = Field(min_length=1, max_length=2)
    protocol: _Text
    limit: int | None = Field(ge=1)
    rows: list[ShortcutRow] = Field(min_length=1, max_length=1000)

    @classmethod
    def of(cls, run: Rescored) -> "ShortcutRun":
        """Return a run as it is stored."""
        withheld = list(run.run.withheld or ())
        return cls(
            model=run.run.model,
            fingerprint_sha256=sha256_json(run.run.model_fingerprint),
            withheld=withheld,
            protocol=run.run.asked.title,
            limit=run.run.limit,
            rows=[ShortcutRow.of(found) for found in shortcuts_of(run.scores, withheld)],
        )


_RUNS = TypeAdapter(Annotated[list[ShortcutRun], Field(max_length=100)])


def read_shortcuts(folder: Path) -> list[ShortcutRun]:
    """Return what the dataset in ``folder`` says; nothing if it has no such file.

    Raises:
        OSError, ValueError: the file cannot be read.
    """
    return _RUNS.validate_json(read_inside(folder, SHORTCUTS)) if (folder / SHORTCUTS).exists() else []


def write_shortcuts(folder: Path, runs: Sequence[ShortcutRun]) -> None:
    """Write the file; remove it if there is nothing to say."""
    if runs:
        write_json(folder / SHORTCUTS, [run.model_dump(mode="json") for run in runs])
    else:
        (folder / SHORTCUTS).unlink(missing_ok=True)
