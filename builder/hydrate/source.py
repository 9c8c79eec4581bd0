"""The clips of an ids-only dataset, as a source: media from a mirror, or downloaded."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from builder.hydrate.settings import HydrateSettings
from builder.manifest import ManifestRow
from builder.package.references import ClipReference
from builder.sources.audioset import AudioSetSettings, AudioSetSource
from builder.sources.audioset.failures import FailureKind
from builder.sources.audioset.media_files import find_in_mirror
from builder.stage import Dropped
from mma_bench.errors import MMABenchError
from mma_bench.schema import Clip

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{1,24}")


class PublishedClips(AudioSetSource):
    """Clips of a published list, fetched like those of AudioSet."""

    name = "published"

    def __init__(self, settings: HydrateSettings, rows: Iterable[ManifestRow]) -> None:
        super().__init__(
            AudioSetSettings(kind="audioset", preset="official", mirror=settings.mirror, download=settings.download)
        )
        self.listed = list(rows)

    def rows(self) -> Iterator[ManifestRow]:
        """Return a row for each clip."""
        return iter(self.listed)

    def rows_are_decided_by(self) -> None:
        """Return None: the published dataset is not hashed for it, and its list is short."""
        return

    def class_names(self) -> list[str]:
        """Return the classes of the clips."""
        return sorted({label for row in self.listed for label in (row.visual_label, row.audio_label)})

    def input_hashes(self) -> dict[str, str]:
        """Return nothing: a new version of the list does not invalidate clips that it still names."""
        return {}

    def in_mirror(self, row: ManifestRow) -> bool:
        """Return whether nothing needs to be downloaded for ``row``."""
        return bool(self.settings.mirror and find_in_mirror(row, self.settings.mirror))

    def fetch(self, row: ManifestRow, folder: Path) -> Path:
        """Return the clip's file from the mirror, or download it."""
        if row.youtube_id is None and not self.in_mirror(row):
            raise Dropped(FailureKind.NOT_IN_MIRROR, f"it has no YouTube id, and the mirror no file of {row.clip_id}")
        return super().fetch(row, folder)


def published_rows(clips: Sequence[Clip], references: Mapping[str, ClipReference]) -> list[ManifestRow]:
    """Return what to request from the source, so that normalising reproduces the published streams.

    Raises:
        MMABenchError: a clip has no reference, or its id or times cannot be those of a clip.
    """
    return [_row(clip, references) for clip in clips]


def _row(clip: Clip, references: Mapping[str, ClipReference]) -> ManifestRow:
    reference = references.get(clip.clip_id)
    if reference is None:
        raise MMABenchError(f"metadata/references.parquet lacks {clip.clip_id}; download the dataset again")
    # The id becomes part of an address and of a path.
    if clip.youtube_id is not None and not _YOUTUBE_ID.fullmatch(clip.youtube_id):
        raise MMABenchError(f"{clip.clip_id}: {clip.youtube_id[:100]!r} is not a YouTube id; do not trust this dataset")
    if not (math.isfinite(clip.start_seconds) and clip.start_seconds >= 0):
        raise MMABenchError(f"{clip.clip_id} begins at {clip.start_seconds} s; do not trust this dataset")
    seconds = reference.segment_seconds
    return ManifestRow(
        clip_id=clip.clip_id,
        file=clip.clip_id,
        visual_label=clip.visual_label,
        audio_label=clip.audio_label,
        source_labels=clip.source_labels,
        split=clip.split,
        source=clip.source,
        youtube_id=clip.youtube_id,
        start_seconds=clip.start_seconds,
        end_seconds=None if seconds is None else clip.start_seconds + seconds,
        licence=clip.licence,
        attribution=clip.attribution,
        notes=clip.notes,
    )
