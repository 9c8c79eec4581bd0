"""Check the tables of `metadata/` and `index/`: columns, rows, and what they say of each other."""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mma_bench.dataset.columns import arrow_schema
from mma_bench.dataset.integrity.problems import Problem
from mma_bench.dataset.removed import RemovedIds
from mma_bench.files.faults import first_fault
from mma_bench.files.tables import read_parquet
from mma_bench.files.text import shown
from mma_bench.questions.prompts import is_rendered
from mma_bench.schema import CONDITIONS, Clip, IndexEntry, Stimulus, Stream

_Row = TypeVar("_Row", bound=BaseModel)


def read_rows(folder: Path, where: str, model: type[_Row], problems: list[Problem]) -> list[_Row]:
    """Return the valid rows of a Parquet file; what is wrong with the file or a row goes to ``problems``."""
    try:
        table = read_parquet(folder, where)
    except (OSError, ValueError) as error:
        kind = "missing_file" if isinstance(error, FileNotFoundError) else "unreadable_table"
        problems.append(Problem(kind, where, shown(str(error).splitlines()[0])))
        return []
    expected = arrow_schema(model)
    if not table.schema.equals(expected):
        for name in sorted({*table.schema.names, *expected.names}):
            has = table.schema.field(name).type if name in table.schema.names else "no such column"
            should = expected.field(name).type if name in expected.names else "no such column"
            if has != should:
                problems.append(Problem("wrong_column", where, f"{shown(name)} is {has}; expected {should}"))
    rows = []
    for number, row in enumerate(table.to_pylist()):
        try:
            rows.append(model.model_validate(row))
        except ValidationError as error:
            fault = first_fault(error)
            problems.append(Problem("wrong_row", where, f"row {number}: {shown(fault.place)}: {fault.message}"))
    return rows


def check_tables(clips: Sequence[Clip], stimuli: Sequence[Stimulus], removed: RemovedIds) -> list[Problem]:
    """Check clips and stimuli against each other and against the removed ids."""
    where = "metadata/stimuli.parquet"
    problems = [
        Problem("removed_clip", "metadata/clips.parquet", f"{clip.clip_id} is in removed_ids.txt")
        for clip in clips
        if clip.clip_id in removed
    ]
    for name, keys in (
        ("metadata/clips.parquet", [clip.clip_id for clip in clips]),
        (where, [stimulus.key for stimulus in stimuli]),
        (where, [question.question_id for stimulus in stimuli for question in stimulus.questions]),
    ):
        problems += [Problem("duplicate", name, f"{key} occurs {n} times") for key, n in Counter(keys).items() if n > 1]
    keys = [stimulus.key for stimulus in stimuli]
    problems += [Problem("key_order", where, f"{b} comes after {a}") for a, b in itertools.pairwise(keys) if b < a]
    by_id = {clip.clip_id: clip for clip in clips}
    for stimulus in stimuli:
        problems += [
            Problem(kind, f"{where}, {stimulus.key}", what)
            for kind, what in _stimulus_problems(stimulus, by_id, removed)
        ]
    return problems


def _stimulus_problems(stimulus: Stimulus, clips: dict[str, Clip], removed: RemovedIds) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, stream in (("video", stimulus.video), ("audio", stimulus.audio)):
        for clip_id, label in ((stream.clip_id, stream.label), (stream.donor_clip_id, stream.donor_label)):
            if clip_id in removed:
                found.append(("removed_clip", f"its {name} is of {clip_id}, which is in removed_ids.txt"))
            if clip := clips.get(clip_id or ""):
                found += _label_problems(name, label, clip)
            elif clip_id is not None:
                found.append(("unknown_clip", f"its {name} is of {shown(clip_id)}, which clips.parquet lacks"))
        found += _origin_problems(name, stream, clips.get(stream.clip_id or ""))
    known = CONDITIONS.get(stimulus.condition)  # somebody else's own is not
    if known and known.graded != (stimulus.level is not None):
        found.append(("wrong_level", f"{shown(stimulus.condition)} has the level {stimulus.level}"))
    for question in stimulus.questions:
        if question.answer not in question.options:
            found.append(("wrong_question", f"{shown(question.question_id)}: the answer is no option"))
        if not is_rendered(question):
            found.append(("wrong_question", f"{shown(question.question_id)}: the prompt is not the text of its parts"))
        name = f"{stimulus.key}/{question.condition}/{question.modality}"
        if question.question_id != (name if question.variant == "standard" else f"{name}/{question.variant}"):
            found.append(("wrong_question", f"{shown(question.question_id)} must be named after its stimulus: {name}"))
    return found


def _label_problems(name: str, label: str | None, clip: Clip) -> list[tuple[str, str]]:
    known = clip.visual_label if name == "video" else clip.audio_label
    if label == known:
        return []
    return [("wrong_label", f"its {name} has the label {shown(str(label))}; {clip.clip_id} has {known!r}")]


def _origin_problems(name: str, stream: Stream, clip: Clip | None) -> list[tuple[str, str]]:
    """Check that a stream names the clips that its origin needs, and a clip's own has the clip's hash."""
    found = []
    if (stream.clip_id is None) != (stream.origin in ("black", "silence")):
        found.append(("wrong_origin", f"its {name} is {stream.origin} and of the clip {shown(str(stream.clip_id))}"))
    if (stream.donor_clip_id is None) != (stream.origin not in ("mixed", "blended")):
        donor = shown(str(stream.donor_clip_id))
        found.append(("wrong_origin", f"its {name} is {stream.origin} and joined with the clip {donor}"))
    if clip and stream.origin == "clip":
        sha256 = clip.video_sha256 if name == "video" else clip.audio_sha256
        if stream.sha256 != sha256:
            found.append(("wrong_hash", f"its {name} has another hash than clips.parquet says of {clip.clip_id}"))
    return found


def read_index(folder: Path, problems: list[Problem]) -> dict[str, dict[tuple[str, str], IndexEntry]]:
    """Return the index entries by shard and (key, member)."""
    by_shard: dict[str, dict[tuple[str, str], IndexEntry]] = {}
    for path in sorted((folder / "index").glob("*.parquet")):
        where = f"index/{path.name}"
        for entry in read_rows(folder, where, IndexEntry, problems):
            entries = by_shard.setdefault(entry.shard, {})
            if (entry.key, entry.member) in entries:
                problems.append(Problem("duplicate", where, f"{shown(entry.key)}.{shown(entry.member)} occurs twice"))
            entries[entry.key, entry.member] = entry
    return by_shard
