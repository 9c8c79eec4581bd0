"""Every answer as a decision next to the one without an intervention, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.store import AnswerKeys, StoredAnswer
from mma_bench.files.atomic import atomic_path
from mma_bench.files.tables import read_parquet
from mma_bench.interference.protocol import TaskKind
from mma_bench.interference.run_head import DECISIONS_FILE
from mma_bench.interference.stimuli import AGAIN, CLEAN, Asked, Plan, modality_of
from mma_bench.parsing import Outcome, parse_answer

if TYPE_CHECKING:
    import pyarrow as pa

Where = Literal["same", "suggested", "right", "other", "unreadable"]
"""Where a decision went: nowhere, to the suggested option, to the right one, to another one, or to none."""


@dataclass(frozen=True)
class Decision:
    """One answer.

    Attributes:
        question_id: of the question.
        item: the question without interventions.
        cluster: the source item; answers about the same one depend on each other.
        kind: what the question cannot be answered without.
        intervention: label; `clean` without one, `again` for the clean question asked twice.
        changes: channel that was changed.
        strength: of the intervention.
        draw: number of the draw.
        options: number of options.
        answer: the right option.
        suggested: wrong option that the intervention suggests.
        text: raw answer.
        outcome: how it was understood, see `mma_bench.parsing.Outcome`.
        decision: the option, or the outcome in angle brackets if there is none.
        clean_decision: the decision without the intervention.
        correct: whether the decision is the right option.
        clean_correct: whether the decision without the intervention is.
        changed: whether the two decisions differ.
        went: where the decision went.
        prompt: exact text that was asked.
    """

    question_id: str
    item: str
    cluster: str
    kind: str
    intervention: str
    changes: str
    strength: float | None
    draw: int
    options: int
    answer: str
    suggested: str | None
    text: str
    outcome: str
    decision: str
    clean_decision: str
    correct: bool
    clean_correct: bool
    changed: bool
    went: Where
    prompt: str


def decisions_of(plan: Plan, answers: Mapping[str, StoredAnswer], keys: AnswerKeys) -> list[Decision]:
    """Return the decisions of all questions that have an answer, and whose clean question has one.

    Args:
        plan: what was asked.
        answers: by id.
        keys: name the answers.
    """
    clean: dict[str, tuple[str, bool]] = {}
    found = []
    for asked in sorted(plan.asked.values(), key=lambda asked: asked.intervention != CLEAN):
        stored = answers.get(keys.key(asked.stimulus, asked.question))
        if stored is None:
            continue
        decision, outcome, correct = read_decision(asked, stored.text)
        if asked.intervention == CLEAN:
            clean[asked.item.item_id] = decision, correct
        if asked.item.item_id not in clean:
            continue
        found.append(_decision(asked, stored.text, (decision, outcome, correct), clean[asked.item.item_id]))
        if asked.intervention == CLEAN and (again := answers.get(keys.key(asked.stimulus, asked.question, 1))):
            read = read_decision(asked, again.text)
            found.append(_decision(asked, again.text, read, clean[asked.item.item_id], AGAIN))
    return sorted(found, key=lambda one: (one.kind, one.item, one.intervention, one.draw))


def read_decision(asked: Asked, text: str) -> tuple[str, Outcome, bool]:
    """Return the decision that a text makes, how it was understood, and whether it is right."""
    item = asked.item
    modality = str(modality_of(item)) if item.kind in (TaskKind.VISUAL, TaskKind.AUDIO) else None
    parsed = parse_answer(text, item.options, letters=item.lettered, modality=modality)
    decision = parsed.label if parsed.label is not None else f"<{parsed.outcome}>"
    return decision, parsed.outcome, parsed.label == item.answer


def _decision(
    asked: Asked, text: str, read: tuple[str, Outcome, bool], clean: tuple[str, bool], label: str | None = None
) -> Decision:
    item, (decision, outcome, correct) = asked.item, read
    return Decision(
        question_id=asked.question.question_id if label is None else f"{item.item_id}/{label}/0",
        item=item.item_id,
        cluster=item.cluster,
        kind=str(item.kind),
        intervention=label or asked.intervention,
        changes=asked.changes,
        strength=asked.strength,
        draw=asked.draw,
        options=len(item.options),
        answer=item.answer,
        suggested=asked.suggested,
        text=text,
        outcome=str(outcome),
        decision=decision,
        clean_decision=clean[0],
        correct=correct,
        clean_correct=clean[1],
        changed=decision != clean[0],
        went=_where(asked, decision, clean[0]),
        prompt=asked.question.prompt,
    )


def _where(asked: Asked, decision: str, clean: str) -> Where:
    if decision == clean:
        return "same"
    if decision == asked.suggested:
        return "suggested"
    if decision == asked.item.answer:
        return "right"
    return "other" if decision in asked.item.options else "unreadable"


_TYPES = {
    **dict.fromkeys(("draw", "options"), "int64"),
    **dict.fromkeys(("correct", "clean_correct", "changed"), "bool"),
    "strength": "float64",
}
"""Types of the columns that hold no text."""

_MAY_BE_NONE = ("strength", "suggested")


def _schema() -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([(field.name, pa.type_for_alias(_TYPES.get(field.name, "string"))) for field in fields(Decision)])


def write_decisions(folder: Path, decisions: list[Decision]) -> None:
    """Write the table of decisions."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{name: _encodable(value) for name, value in vars(one).items()} for one in decisions]
    with atomic_path(folder / DECISIONS_FILE) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=_schema()), temporary, compression="zstd")


def read_decisions(folder: Path) -> list[Decision]:
    """Return the decisions of a finished run.

    Raises:
        MMABenchError: there is no table, it is of another version, or a row cannot be one of a run.
    """
    try:
        rows = read_parquet(folder, DECISIONS_FILE).to_pylist()
        for number, row in enumerate(rows):
            if wrong := _wrong_cell(row):
                raise ValueError(f"row {number} has {wrong}, which no run writes")
        return [Decision(**row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MMABenchError(
            f"{folder / DECISIONS_FILE} cannot be read: {reason}; finish that run with `mma-bench interference`"
        ) from error


def _wrong_cell(row: Mapping[str, Any]) -> str | None:
    """Return a cell that a decision cannot have, in words."""
    known = {"kind": tuple(TaskKind), "went": get_args(Where)}
    for name, value in row.items():
        kind = {"int64": int, "bool": bool, "float64": float}.get(_TYPES.get(name, "string"), str)
        if value is None and name in _MAY_BE_NONE:
            continue
        too_few = name == "options" and isinstance(value, int) and value < 2
        if type(value) is not kind or value not in known.get(name, (value,)) or too_few:
            return f"{name} = {str(value)[:50]!r}"
    return None


def _encodable(value: object) -> object:
    # Half of a surrogate pair, which an answer may hold, cannot be written as UTF-8.
    return value.encode("utf-8", errors="backslashreplace").decode("utf-8") if isinstance(value, str) else value
