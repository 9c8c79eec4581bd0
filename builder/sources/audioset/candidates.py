"""Rows of the manifest from AudioSet's lists: one row per segment, candidate or not."""

import heapq
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from builder.manifest import ManifestRow
from builder.select.judged_list import JudgedList
from builder.select.label_filter import MEANINGS, REASONS, Reason
from builder.select.official import keep_official, official_clips, official_list
from builder.select.ontology import Ontology, read_ontology
from builder.select.rules import read_rules
from builder.select.selection import judge_lists
from builder.sources.audioset.settings import AudioSetSettings
from mma_bench.errors import MMABenchError

LICENCE = "uploader's; labels and times CC BY 4.0 (AudioSet)"
_IN_TEST = "the video is in a test list or among the published clips"
_SEGMENTS_AT_A_TIME = 16_384


def candidate_rows(settings: AudioSetSettings) -> Iterator[ManifestRow]:
    """Judge the lists and yield a row for each of their segments, in their order.

    Raises:
        MMABenchError: a list, the ontology or the rules are invalid.
    """
    ontology: Ontology | None = None
    if settings.ontology is None:
        lists = [official_list()]
    else:
        ontology = read_ontology(settings.ontology)
        rules = read_rules(settings.rules)
        lists = judge_lists(ontology, rules, settings.segments, skip_bad_rows=settings.skip_bad_rows)
        if settings.preset == "official":
            lists = keep_official(lists)
    splits = [settings.split_of(judged.segments.name) for judged in lists]
    taken = _test_videos(lists, splits)

    def rows() -> Iterator[ManifestRow]:
        for judged, split in zip(lists, splits, strict=True):
            for row in _rows(judged, ontology, split):
                in_test = row.kept and row.split == "train" and row.youtube_id in taken
                yield row.drop("select", "video_in_test", _IN_TEST) if in_test else row

    return rows() if settings.limit is None else _within_limit(rows, settings.limit)


def class_names(settings: AudioSetSettings) -> list[str]:
    """Return the classes of the rules, in their order.

    Raises:
        MMABenchError: a published clip has a class that the rules do not know.
    """
    names = list(read_rules(settings.rules).classes)
    if settings.preset == "official" and (unknown := {clip.label for clip in official_clips()} - set(names)):
        raise MMABenchError(f"{settings.rules}: preset official needs the class {min(unknown)}; use the default rules")
    return names


def _rows(judged: JudgedList, ontology: Ontology | None, split: str) -> Iterator[ManifestRow]:
    name = judged.segments.name
    names = np.array([node.name for node in ontology.nodes.values()] if ontology else [], dtype=object)
    label_set = judged.label_set
    columns = ["row", "clip_id", "youtube_id", "start_seconds", "end_seconds"]
    segments = (
        row
        for batch in judged.segments.table.select(columns).to_batches(max_chunksize=_SEGMENTS_AT_A_TIME)
        for row in zip(*(batch[column].to_pylist() for column in columns), strict=True)
    )
    for at, (number, clip_id, youtube_id, start, end) in enumerate(segments):
        label = judged.class_names[judged.label[at]] if judged.label[at] >= 0 else ""
        reason = None if label else REASONS[judged.reason[at]]
        nodes = judged.sets.nodes[int(label_set[at])].as_py() if judged.sets and label else []
        row = ManifestRow(
            # The same segment in two lists is two rows, and rows have unique names.
            clip_id=clip_id if reason is not Reason.DUPLICATE else f"{clip_id}-{name[:40]}-{number}",
            file=youtube_id,
            visual_label=label,
            audio_label=label,
            source_labels=names[nodes].tolist(),
            split=split,
            source="audioset",
            youtube_id=youtube_id,
            start_seconds=start,
            end_seconds=end,
            licence=LICENCE,
            attribution=f"https://www.youtube.com/watch?v={youtube_id}",
        )
        if reason:
            said = judged.sets.detail[int(label_set[at])].as_py() if judged.sets else ""
            row = row.drop("select", reason.value, said or MEANINGS[reason])
        yield row
    for bad in judged.segments.skipped:
        row = ManifestRow(
            clip_id=f"{name[:40]}-row-{bad.row}",
            file=f"{name}, row {bad.row}",
            visual_label="",
            audio_label="",
            split=split,
            source="audioset",
        )
        yield row.drop("select", Reason.BAD_ROW.value, f"{bad.fault.name.lower()}: {bad.text}")


def _test_videos(lists: Sequence[JudgedList], splits: Sequence[str]) -> set[str]:
    """Return the videos of which no training clip may be, whatever the segment; none where nothing is for training."""
    if "train" not in splits:
        return set()
    taken = {clip.youtube_id for clip in official_clips()}
    for judged, split in zip(lists, splits, strict=True):
        if split == "test":
            taken.update(judged.segments.table["youtube_id"].to_pylist())
    return taken


def _within_limit(rows: Callable[[], Iterator[ManifestRow]], limit: int) -> Iterator[ManifestRow]:
    chosen = set(heapq.nsmallest(limit, (row.clip_id for row in rows() if row.kept)))
    detail = f"not among the first {limit} candidates"
    for row in rows():
        yield row.drop("select", "over_limit", detail) if row.kept and row.clip_id not in chosen else row
