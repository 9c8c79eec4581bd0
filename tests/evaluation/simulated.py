"""Models of known reliance, as tables of verdicts: what the analyses must find is known before they run."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mma_bench.evaluation.analysis.table import ABSTAINED, VerdictTable

CLASSES = 12


def empty_table(rows: int) -> VerdictTable:
    """Return a table of standard, answerable, wrong answers about a clip each."""
    number, none = np.arange(rows), np.full(rows, -1)
    text = np.full(rows, "", dtype=object)
    return VerdictTable(
        condition=text,
        modality=text,
        variant=np.full(rows, "standard", dtype=object),
        repeat=np.zeros(rows, dtype=np.int64),
        clip=number,
        stimulus=number,
        decision=np.full(rows, ABSTAINED),
        answer=none,
        correct=np.zeros(rows, dtype=bool),
        seen=none,
        heard=none,
        told=none,
        distractor=none,
        answerable=np.ones(rows, dtype=bool),
        options=np.full(rows, CLASSES),
        level=np.full(rows, np.nan),
        confidence=np.full(rows, np.nan),
        confident_right=np.zeros(rows, dtype=bool),
    )


def joined(tables: list[VerdictTable]) -> VerdictTable:
    """Return the rows of several tables."""
    return VerdictTable(
        **{name: np.concatenate([getattr(table, name) for table in tables]) for name in vars(tables[0])}
    )


def questions(
    condition: str,
    modality: str,
    seen: NDArray[np.int64],
    heard: NDArray[np.int64],
    decision: NDArray[np.int64],
) -> VerdictTable:
    """Return one question a clip, answered with ``decision``; -1 in ``seen`` or ``heard`` is a removed stream."""
    own, other = (seen, heard) if modality == "visual" else (heard, seen)
    answer = np.where(own < 0, other, own)
    rows = len(seen)
    return replace(
        empty_table(rows),
        condition=np.full(rows, condition, dtype=object),
        modality=np.full(rows, modality, dtype=object),
        seen=seen,
        heard=heard,
        answer=answer,
        distractor=np.where((other >= 0) & (other != answer), other, -1),
        answerable=own >= 0,
        decision=decision,
        correct=decision == answer,
    )


def conflict(generator: np.random.Generator, clips: int, *, sight: float, sound: float) -> VerdictTable:
    """Return misaligned clips asked about sight and sound by a model that follows each with a fixed chance.

    Both questions about a clip get the same kind of answer, so that they are as dependent as can be.
    """
    seen = generator.integers(CLASSES, size=clips)
    heard = (seen + generator.integers(1, CLASSES - 1, size=clips)) % CLASSES
    other = (seen - 1) % CLASSES  # neither what is seen nor what is heard
    chance = generator.random(clips)
    decision = np.where(chance < sight, seen, np.where(chance < sight + sound, heard, other))
    return joined([questions("misaligned", modality, seen, heard, decision) for modality in ("visual", "audio")])
