"""The 658 published clips of MMA-Bench, as a preset."""

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.select.bad_rows import ranges
from builder.select.judged_list import JudgedList
from builder.select.label_filter import NO_LABEL, Reason
from builder.select.rules import RULES_FOLDER
from builder.select.segments import SegmentList
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_file

OFFICIAL_LIST = RULES_FOLDER / "official_clips.csv"
"""Published by the authors; attribution in the README next to it."""


@dataclass(frozen=True)
class OfficialClip:
    """One published clip."""

    clip_id: str
    youtube_id: str
    label: str
    start_seconds: float
    end_seconds: float


def official_clips() -> list[OfficialClip]:
    """Return the published clips, in the order of the list."""
    with open(OFFICIAL_LIST, encoding="utf-8", newline="") as file:
        return [
            OfficialClip(
                clip_id=f"{row['youtube_id']}_{round(float(row['start_seconds']) * 1000)}",
                youtube_id=row["youtube_id"],
                label=row["class"],
                start_seconds=float(row["start_seconds"]),
                end_seconds=float(row["end_seconds"]),
            )
            for row in csv.DictReader(file)
        ]


def official_classes() -> list[str]:
    """Return the classes that have a published clip: 49 of the 61, in alphabetical order."""
    return sorted({clip.label for clip in official_clips()})


def official_list() -> JudgedList:
    """Return the published clips as a judged list, for use without AudioSet's own lists."""
    clips, names = official_clips(), official_classes()
    no_labels = pa.DictionaryArray.from_arrays(pa.array([0] * len(clips), pa.int32()), pa.array([""]))
    table = pa.table(
        {
            "row": pa.array(range(2, len(clips) + 2), type=pa.int32()),
            "clip_id": [clip.clip_id for clip in clips],
            "youtube_id": [clip.youtube_id for clip in clips],
            "start_seconds": [clip.start_seconds for clip in clips],
            "end_seconds": [clip.end_seconds for clip in clips],
            "labels": no_labels,
        }
    )
    segments = SegmentList(OFFICIAL_LIST.stem, sha256_file(OFFICIAL_LIST), len(clips), len(clips), table)
    label = np.array([names.index(clip.label) for clip in clips], dtype=np.int16)
    return JudgedList(segments, names, label, np.full(len(clips), NO_LABEL, dtype=np.int8), sets=None)


def keep_official(lists: Sequence[JudgedList]) -> list[JudgedList]:
    """Keep the published clips of ``lists`` under their published class, and drop all others.

    Raises:
        MMABenchError: a published clip is in no list, or its end differs.
    """
    clips, names = official_clips(), official_classes()
    kept: list[JudgedList] = []
    missing = {clip.clip_id: clip for clip in clips}
    for judged in lists:
        label = np.full(len(judged.label), NO_LABEL, dtype=np.int16)
        for at, id_ in _rows_of(judged, missing):
            clip = missing.pop(id_)
            row = judged.segments.table.slice(at, 1).to_pylist()[0]
            if clip.end_seconds != row["end_seconds"]:
                raise MMABenchError(
                    f"{judged.segments.name}, {ranges([row['row']])}: {id_} ends at {row['end_seconds']} s, the "
                    f"published clip at {clip.end_seconds} s; take the list from its publisher again"
                )
            label[at] = names.index(clip.label)
        everything_out = judged.with_reason(np.ones(len(label), dtype=np.bool_), Reason.NOT_OFFICIAL)
        reason = np.where(label >= 0, np.int8(NO_LABEL), everything_out.reason)
        kept.append(replace(judged, class_names=names, label=label, reason=reason))
    if missing:
        searched = ", ".join(judged.segments.name for judged in lists)
        raise MMABenchError(
            f"{len(missing)} of the {len(clips)} published clips are not in {searched}, such as {next(iter(missing))}; "
            "all of them come from eval_segments.csv: add that list, or leave --segments out"
        )
    return kept


def agreement(lists: Sequence[JudgedList], class_names: Collection[str]) -> dict[str, int] | None:
    """Return the result for the published clips that are in ``lists``, or None if the rules have other classes."""
    clips = {clip.clip_id: clip.label for clip in official_clips()}
    if not set(clips.values()) <= set(class_names):
        return None
    result = {"published": len(clips), "in_lists": 0, "candidates": 0, "with_published_class": 0}
    for judged in lists:
        for at, id_ in _rows_of(judged, clips):
            label = judged.label[at]
            result["in_lists"] += 1
            result["candidates"] += bool(label >= 0)
            result["with_published_class"] += bool(label >= 0) and judged.class_names[label] == clips[id_]
    return result


def _rows_of(judged: JudgedList, clip_ids: Collection[str]) -> list[tuple[int, str]]:
    """Return (position in the table, clip id) of the rows whose clip is one of ``clip_ids``."""
    ids = judged.segments.table["clip_id"]
    found = np.flatnonzero(pc.is_in(ids, value_set=pa.array(list(clip_ids), type=pa.string())).to_numpy())
    return list(zip(found.tolist(), ids.take(pa.array(found)).to_pylist(), strict=True))
