"""What a build noticed in its list of clips and left unchanged; reported on the console and on the card."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.manifest import ManifestRow
from builder.manifest_file import Manifest
from mma_bench.conditions import TEXT, code_of

_SHOWN = 20


def notices_of(clips: Manifest) -> list[str]:
    """Return what a reader must know about ``clips`` with the same bytes, contradictory labels first."""
    hashes = pa.table({name: clips.column(name) for name in ("video_sha256", "audio_sha256")})
    counts = hashes.drop_null().group_by(hashes.column_names).aggregate([([], "count_all")])
    several = counts.filter(pc.greater(counts["count_all"], 1)).select(hashes.column_names).to_pylist()
    groups: dict[tuple[str | None, str | None], list[ManifestRow]] = {tuple(pair.values()): [] for pair in several}
    same: list[list[ManifestRow]] = []
    for row in clips if groups else ():
        if (group := groups.get((row.video_sha256, row.audio_sha256))) is not None:
            if not group:
                same.append(group)
            group.append(row)
    contradictory = [group for group in same if len({_label(row) for row in group}) > 1]
    copies = [group for group in same if len({_label(row) for row in group}) == 1]
    return [
        *_limited(
            [
                f"the same bytes under different labels, of which at most one is right: {_named(group, labels=True)}"
                for group in contradictory
            ]
        ),
        *_limited([f"the same bytes under one label, as clips of their own: {_named(group)}" for group in copies]),
    ]


def free_texts(stimuli: Path, conditions: Sequence[str]) -> list[str]:
    """Return a sentence for each of a user's ``conditions`` whose prompts have no parts, which protocols refuse.

    Args:
        stimuli: the file of all stimuli.
        conditions: those that were asked for.
    """
    own = [name for name in conditions if name in TEXT and code_of([name])]
    if not own:
        return []
    asked = pq.read_table(stimuli, columns=["questions"])["questions"].combine_chunks().flatten()
    without = pc.unique(asked.field("condition").filter(pc.is_null(asked.field("parts")))).to_pylist()
    return [
        f"the condition {name} sets the prompt without its parts, so no protocol can vary or word it; use "
        "mma_bench.questions.reword in it"
        for name in own
        if name in without
    ]


def numbers(rows: Sequence[int]) -> str:
    """Return row numbers as text, the first of many."""
    shown = ", ".join(str(row) for row in rows[:_SHOWN])
    return f"{shown} and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else shown


def _named(group: Sequence[ManifestRow], *, labels: bool = False) -> str:
    names = [f"{row.clip_id} ({_label(row)})" if labels else row.clip_id for row in group[:_SHOWN]]
    return ", ".join(names) + (f" and {len(group) - _SHOWN} more" if len(group) > _SHOWN else "")


def _label(row: ManifestRow) -> str:
    return row.visual_label if row.streams_agree else f"{row.visual_label} / {row.audio_label}"


def _limited(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"and {more} more groups of clips with the same bytes"] if more > 0 else lines
