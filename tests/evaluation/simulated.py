"""Models of known reliance, as tables of verdicts: what the analyses must find is known before they run."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mma_bench.evaluation.analyses.table import ABSTAINED, SEVERAL, VerdictTable

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
        answer_place=none,
        place=none,
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


def conflict(generator: np.random.Generator, clips: int, *, visual: float, audio: float) -> VerdictTable:
    """Return misaligned clips asked about both modalities by a model that follows each with a fixed chance.

    Both questions about a clip get the same kind of answer, so that they are as dependent as can be.
    """
    seen = generator.integers(CLASSES, size=clips)
    heard = (seen + generator.integers(1, CLASSES - 1, size=clips)) % CLASSES
    other = (seen - 1) % CLASSES  # neither what is seen nor what is heard
    chance = generator.random(clips)
    decision = np.where(chance < visual, seen, np.where(chance < visual + audio, heard, other))
    return joined([questions("misaligned", modality, seen, heard, decision) for modality in ("visual", "audio")])


WORDINGS = ("standard", "shuffled_options_1", "shuffled_options_2")

_DOSES = np.array([-20.0, -10.0, 0.0, 10.0, 20.0])


def class_sizes(clips: int) -> NDArray[np.int64]:
    """Return the class of each clip: one class holds a third, most hold one to five, as in the official 658 clips."""
    classes = max(3, round(49 * (clips / 658) ** 0.33))
    size = np.maximum(1, np.round(clips / 3 * np.arange(1, classes + 1) ** -1.3)).astype(np.int64)
    codes = np.repeat(np.arange(classes), size)
    return np.concatenate([codes, np.arange(max(clips - len(codes), 0)) % classes])[:clips]


def planted(generator: np.random.Generator, clips: int, right: float) -> VerdictTable:
    """Return a run of a model that is right with a fixed chance, with answers that depend on each other.

    Four of ten questions share the luck of the clip asked about over all conditions, three that of the other question
    about the stimulus, and two thirds of the wordings share the luck of their question, so that intervals must respect
    all of these. The model is better on aligned media, and half of its errors follow the other modality.
    """
    classes = class_sizes(clips)
    luck = {modality: generator.random(clips) for modality in ("visual", "audio")}
    donor = np.roll(np.arange(clips), clips // 2)  # no class holds half of the clips, so it is always of another class
    none = np.full(clips, -1)
    tables = []
    for condition, seen, heard, audio_clip in (
        ("aligned", classes, classes, np.arange(clips)),
        ("misaligned", classes, classes[donor] + 1000, donor),  # 1000: never a class of a video, however many there are
        ("misleading_caption", classes, classes, np.arange(clips)),
        ("audio_removed", classes, none, np.arange(clips)),
        ("frames_zeroed", none, classes, np.arange(clips)),
    ):
        stimulus = generator.random(clips)
        for modality in ("visual", "audio"):
            asked = audio_clip if modality == "audio" else np.arange(clips)
            kind = generator.random(clips)
            fate = np.select([kind < 0.4, kind < 0.7], [luck[modality][asked], stimulus], generator.random(clips))
            chance = (1 + right) / 2 if condition == "aligned" else right
            told = classes + 1 if condition == "misleading_caption" else none
            for wording in (*WORDINGS, "none_present"):
                own = np.where(generator.random(clips) < 0.67, fate, generator.random(clips))
                rows = questions(condition, modality, seen, heard, none)
                rows = replace(
                    rows,
                    variant=np.full(clips, wording, dtype=object),
                    told=told,
                    distractor=np.where(told >= 0, told, rows.distractor),
                    clip=asked,
                )
                tables.append(_answered(rows, own, chance, generator))
    return joined([*tables, *_graded(generator, classes, luck["audio"])])


def _answered(
    rows: VerdictTable, luck: NDArray[np.float64], chance: float, generator: np.random.Generator
) -> VerdictTable:
    wrong = np.select(
        [luck < chance + 0.5 * (1 - chance), luck < chance + 0.7 * (1 - chance), luck < chance + 0.8 * (1 - chance)],
        [
            np.where(rows.distractor >= 0, rows.distractor, rows.answer + 2),
            rows.answer + 2,
            np.full(len(rows), SEVERAL),
        ],
        ABSTAINED,
    )
    decision = np.where(luck < chance, rows.answer, wrong)
    confidence = np.clip(chance + generator.uniform(-0.3, 0.3, len(rows)), 0.05, 1)
    return replace(
        rows,
        decision=decision,
        correct=decision == rows.answer,
        confidence=confidence,
        confident_right=generator.random(len(rows)) < confidence,
    )


def _graded(
    generator: np.random.Generator, classes: NDArray[np.int64], luck: NDArray[np.float64]
) -> list[VerdictTable]:
    """Return a condition whose answers go over to the distractor by a logistic curve with its middle at a dose of 4."""
    found = []
    for dose in _DOSES:
        own = np.where(generator.random(len(classes)) < 0.5, luck, generator.random(len(classes)))
        other = classes + 1000
        decision = np.where(own < 1 / (1 + np.exp(-0.15 * (dose - 4))), other, classes)
        found.append(
            replace(
                questions("mixed_audio", "audio", classes, classes, decision),
                distractor=other,
                level=np.full(len(classes), dose),
            )
        )
    return found
