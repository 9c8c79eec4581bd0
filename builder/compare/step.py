"""The block of the `compare` stage: one task, because every clip is compared with all others."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.clip_step import from_document, to_document, write_progress
from builder.compare.search import Match, equal_sounds, equal_videos
from builder.compare.settings import CompareSettings
from builder.compare.splits import EqualStreams, separate
from builder.inspect.fingerprint import Fingerprint
from builder.inspect.step import fingerprint_path
from builder.manifest import ManifestRow, write_manifest
from mma_bench.files.atomic import write_text
from mma_bench.files.text import csv_text


class CompareClips(PipelineStep):
    """Record which clips share a stream, and drop duplicates and what leaks from the test split into training.

    Writes the manifest, and `matches.csv` with all pairs of clips that share a stream, for inspection. Of clips with
    identical bytes, the first represents all.
    """

    name = "compare"
    type = "compare"

    def __init__(self, folder: Path, inspected: Path, settings: CompareSettings, official_ids: frozenset[str]) -> None:
        super().__init__()
        self.folder = folder
        self.inspected = inspected
        self.settings = settings
        self.official_ids = official_ids

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Compare all kept clips."""
        rows = [from_document(document) for document in data]
        kept = [row for row in rows if row.kept]
        videos = EqualStreams.of([row.video_sha256 for row in kept])
        sounds = EqualStreams.of([row.audio_sha256 for row in kept])
        same_video = equal_videos([self._read(kept[clip]).frames for clip in videos.firsts], self.settings)
        same_sound = equal_sounds([self._read(kept[clip]).landmarks for clip in sounds.firsts], self.settings)
        videos.connect(same_video)
        sounds.connect(same_sound)
        self._write_matches(kept, {"video": (videos, same_video), "sound": (sounds, same_sound)})
        separated = separate(kept, videos, sounds, self.official_ids, self.settings, self.name)
        finished = {row.clip_id: row for row in separated}
        results = [finished.get(row.clip_id, row) for row in rows]
        write_progress(self.folder, rank, len(rows))
        write_manifest(self.folder / "manifest.parquet", results)
        yield from map(to_document, results)

    def _read(self, row: ManifestRow) -> Fingerprint:
        return Fingerprint.read(fingerprint_path(self.inspected, row.clip_id))

    def _write_matches(self, rows: list[ManifestRow], found: dict[str, tuple[EqualStreams, list[Match]]]) -> None:
        lines: list[list[str]] = []
        for stream, (groups, matches) in found.items():
            for match in matches:
                first, second = groups.firsts[match.first], groups.firsts[match.second]
                lines.append([stream, rows[first].clip_id, rows[second].clip_id, f"{match.score:.3f}"])
            for first, *copies in groups.members:
                lines += [[stream, rows[first].clip_id, rows[copy].clip_id, "1.000"] for copy in copies]
        write_text(self.folder / "matches.csv", csv_text(["stream", "clip_id", "other_clip_id", "score"], lines))
