"""Verdicts as columns: what all analyses are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mma_bench.parsing import Outcome
from mma_bench.schema import CONDITIONS, Modality, Stimulus

if TYPE_CHECKING:
    from mma_bench.evaluation.scores import Verdict

ABSTAINED, SEVERAL, UNPARSED = -2, -3, -4
"""Decisions that are no class."""

_DECISIONS = {Outcome.ABSTAINED: ABSTAINED, Outcome.SEVERAL: SEVERAL, Outcome.UNPARSED: UNPARSED}

Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class VerdictTable:
    """One row for each answer. All arrays have shape [answers].

    Attributes:
        condition: condition of the question, as text.
        modality: ``visual`` or ``audio``: what was asked about, as text.
        variant: wording of the question, as text.
        repeat: number of the sample of a sampling model, from 0.
        clip: code of the clip asked about: that of the asked stream, or, where it was removed, of the other one.
            Questions about one clip depend on each other, so all resampling is by this column.
        stimulus: code of the stimulus; its visual and audio question share it.
        decision: class code that the answer names, or `ABSTAINED`, `SEVERAL`, `UNPARSED`.
        answer: class code of the right answer.
        correct: whether the answer is the right one; a hallucination where ``answerable`` is false.
        seen: class code of what the picture shows; -1 for black frames.
        heard: class code of what the sound is; -1 for silence.
        told: class code that the text of the prompt suggests; -1 if none.
        distractor: class code that a modality not asked about suggests; -1 if none.
        answerable: false where the asked modality was removed.
        options: number of options.
        level: dose of a graded condition, NaN elsewhere.
        confidence: probability of the likeliest option among all, from the model's option scores; NaN without.
        confident_right: whether that option is the right answer; false without scores.
    """

    condition: NDArray[np.object_]
    modality: NDArray[np.object_]
    variant: NDArray[np.object_]
    repeat: Codes
    clip: Codes
    stimulus: Codes
    decision: Codes
    answer: Codes
    correct: Flags
    seen: Codes
    heard: Codes
    told: Codes
    distractor: Codes
    answerable: Flags
    options: Codes
    level: NDArray[np.float64]
    confidence: NDArray[np.float64]
    confident_right: Flags

    def __len__(self) -> int:
        return len(self.clip)

    def take(self, rows: Flags | Codes) -> "VerdictTable":
        """Return some rows.

        Args:
            rows: a flag for each row, or row numbers.
        """
        return VerdictTable(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def select(
        self,
        *,
        condition: str | None = None,
        modality: Modality | str | None = None,
        variants: Sequence[str] | None = None,
    ) -> "VerdictTable":
        """Return the rows of one condition, one asked modality, some wordings."""
        rows = np.ones(len(self), dtype=bool)
        if condition is not None:
            rows &= self.condition == condition
        if modality is not None:
            rows &= self.modality == str(modality)
        if variants is not None:
            rows &= np.any([self.variant == name for name in variants], axis=0)
        return self.take(rows)

    @property
    def conditions(self) -> list[str]:
        """The conditions that occur, those of the schema first and in its order."""
        present = set(self.condition.tolist())
        return [name for name in CONDITIONS if name in present] + sorted(present - CONDITIONS.keys())

    @property
    def distracted(self) -> Flags:
        """Whether the answer is the class that another modality suggests."""
        hits: Flags = (self.decision == self.distractor) & (self.distractor >= 0)
        return hits

    @property
    def abstained(self) -> Flags:
        """Whether the answer declines to choose."""
        return np.equal(self.decision, ABSTAINED)


def verdict_table(verdicts: "Sequence[Verdict]") -> VerdictTable:
    """Return ``verdicts`` as columns."""
    classes, clips, stimuli = _Codes(), _Codes(), _Codes()
    told = {name for name, condition in CONDITIONS.items() if condition.changes == "text"}
    rows: list[tuple[Any, ...]] = []
    for verdict in verdicts:
        question, stimulus = verdict.question, verdict.sample.stimulus
        decision = _DECISIONS.get(verdict.outcome)
        rows.append(
            (
                question.condition,
                str(question.modality),
                verdict.variant,
                verdict.repeat,
                clips[_asked_clip(stimulus, question.modality)],
                stimuli[stimulus.key],
                classes[verdict.label] if decision is None else decision,
                classes[question.answer],
                verdict.correct,
                classes[stimulus.video.label],
                classes[stimulus.audio.label],
                classes[question.distractor if question.condition in told else None],
                classes[question.distractor],
                question.answerable,
                len(question.options),
                np.nan if verdict.level is None else verdict.level,
                verdict.confidence,
                verdict.confident_right,
            )
        )
    columns = zip(*rows, strict=True) if rows else [()] * len(fields(VerdictTable))
    types = (object, object, object, *[np.int64] * 5, bool, *[np.int64] * 4, bool, np.int64, float, float, bool)
    names = [field.name for field in fields(VerdictTable)]
    arrays = {name: np.array(column, dtype=kind) for name, column, kind in zip(names, columns, types, strict=True)}
    return VerdictTable(**arrays)


class _Codes:
    """Numbers for names, in the order in which they are first seen; -1 for none."""

    def __init__(self) -> None:
        self._known: dict[str | None, int] = {None: -1}

    def __getitem__(self, name: str | None) -> int:
        return self._known.setdefault(name, len(self._known) - 1)


def _asked_clip(stimulus: Stimulus, modality: Modality) -> str:
    own, other = stimulus.video, stimulus.audio
    if modality is Modality.AUDIO:
        own, other = other, own
    return own.clip_id or other.clip_id or stimulus.key
