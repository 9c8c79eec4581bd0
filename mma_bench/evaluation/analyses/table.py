"""Verdicts as columns: what all analyses are computed from."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mma_bench.dataset.layout import conditions_in_order
from mma_bench.evaluation.verdict import Verdict
from mma_bench.parsing import Outcome
from mma_bench.schema import CONDITIONS, Modality, Question, Stimulus

ABSTAINED, SEVERAL, UNPARSED = -2, -3, -4
"""Decisions that are no class."""

STANDARD = ("standard",)
"""The wording that every protocol asks."""

CONFLICT = "misaligned"
"""The condition that most figures show: both streams are there, and they are of different classes."""

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
        seen: class code of the visual stream; -1 for black frames.
        heard: class code of the audio stream; -1 for silence.
        told: class code that the text of the prompt suggests; -1 if none.
        distractor: class code that a modality not asked about suggests; -1 if none.
        answerable: false where the asked modality was removed.
        options: number of options.
        answer_place: place of the right option in the prompt's list, from 0; -1 if it is not in it.
        place: place of the named option in the prompt's list, from 0; -1 if the answer names none of them.
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
    answer_place: Codes
    place: Codes
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
        chosen = [
            rows
            for (name, asked, variant), rows in self._groups.items()
            if condition in (None, name)
            and (modality is None or asked == str(modality))
            and (variants is None or variant in variants)
        ]
        return self.take(np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64))

    @functools.cached_property
    def _groups(self) -> "dict[tuple[str, str, str], Codes]":
        """Row numbers of each condition, modality and wording: comparing texts row by row took a fifth of scoring."""
        numbers: dict[tuple[str, str, str], int] = {}
        names = zip(self.condition.tolist(), self.modality.tolist(), self.variant.tolist(), strict=True)
        codes = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)
        order = np.argsort(codes, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(codes, minlength=len(numbers)))[:-1])
        return dict(zip(numbers, parts, strict=True)) if numbers else {}

    @property
    def conditions(self) -> list[str]:
        """The conditions that occur, those of the schema first and in its order."""
        return conditions_in_order(name for name, _, _ in self._groups)

    @property
    def distracted(self) -> Flags:
        """Whether the answer is the class that another modality suggests."""
        hits: Flags = (self.decision == self.distractor) & (self.distractor >= 0)
        return hits

    @property
    def names_a_class(self) -> Flags:
        """Whether the answer names a class, or several: where the asked modality was removed, a hallucination."""
        named: Flags = (self.decision >= 0) | (self.decision == SEVERAL)
        return named

    @property
    def abstained(self) -> Flags:
        """Whether the answer declines to choose."""
        return np.equal(self.decision, ABSTAINED)


def verdict_table(verdicts: "Sequence[Verdict]") -> VerdictTable:
    """Return ``verdicts`` as columns."""
    classes, clips, stimuli = _Codes(), _Codes(), _Codes()
    asked: list[tuple[Any, ...]] = []  # once for all repeats of a question, which follow each other
    said: list[tuple[Any, ...]] = []
    question = sample = None
    for verdict in verdicts:
        decision = _DECISIONS.get(verdict.outcome)
        if decision is None:
            decision = classes[verdict.label]
        if verdict.question is not question or verdict.sample is not sample:
            question, sample = verdict.question, verdict.sample
            asked.append(_asked(verdict, classes, clips, stimuli))
        said.append(
            (
                len(asked) - 1,
                verdict.repeat,
                decision,
                _place(verdict.question, verdict.label),
                verdict.correct,
                verdict.confidence,
                verdict.confident_right,
            )
        )
    places, *columns = _columns(said, (np.int64, np.int64, np.int64, np.int64, bool, float, bool))
    names = ("repeat", "decision", "place", "correct", "confidence", "confident_right")
    types = (object, object, object, *[np.int64] * 7, bool, np.int64, np.int64, float)
    repeated = {name: column[places] for name, column in zip(_ASKED, _columns(asked, types), strict=True)}
    return VerdictTable(**repeated, **dict(zip(names, columns, strict=True)))


def _place(question: Question, label: str | None) -> int:
    return question.options.index(label) if label in question.options else -1


_ASKED = (
    *("condition", "modality", "variant", "clip", "stimulus", "answer", "seen", "heard", "told", "distractor"),
    *("answerable", "options", "answer_place", "level"),
)
"""Columns that depend on the question alone."""


@functools.cache
def _is_told(condition: str) -> bool:
    """Whether the text of the prompt is what suggests a class."""
    return condition in CONDITIONS and CONDITIONS[condition].changes == "text"


def _asked(verdict: Verdict, classes: "_Codes", clips: "_Codes", stimuli: "_Codes") -> tuple[Any, ...]:
    """Return the columns `_ASKED` of the question of ``verdict``."""
    question, stimulus = verdict.question, verdict.sample.stimulus
    return (
        question.condition,
        str(question.modality),
        question.variant,
        clips[_asked_clip(stimulus, question.modality)],
        stimuli[stimulus.key],
        classes[question.answer],
        classes[stimulus.video.label],
        classes[stimulus.audio.label],
        classes[question.distractor if _is_told(question.condition) else None],
        classes[question.distractor],
        question.answerable,
        len(question.options),
        _place(question, question.answer),
        np.nan if verdict.level is None else verdict.level,
    )


def _columns(rows: Sequence[tuple[Any, ...]], types: Sequence[Any]) -> list[NDArray[Any]]:
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    return [np.array(column, dtype=kind) for column, kind in zip(columns, types, strict=True)]


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
