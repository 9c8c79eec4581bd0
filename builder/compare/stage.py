"""The `compare` stage: every clip is compared with all others."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from builder.compare.ragged import Ragged
from builder.compare.search import Match, equal_sounds, equal_videos
from builder.compare.settings import CompareSettings
from builder.compare.splits import Compared, EqualStreams, separate
from builder.inspect.fingerprint import fingerprint_tables
from builder.manifest import ManifestRow
from builder.manifest_file import Manifest
from builder.select.official import OFFICIAL_LIST, official_clips
from builder.stage import WholeStage
from mma_bench.files.atomic import write_text
from mma_bench.files.hashing import sha256_file
from mma_bench.files.text import csv_text

if TYPE_CHECKING:
    from builder.run import Build


class CompareClips(WholeStage):
    """Record which clips share a stream, and drop duplicates and what leaks from the test split into training.

    Writes `matches.csv` with all pairs of clips that share a stream, for inspection. Of clips with
    identical bytes, the first represents all.
    """

    name = "compare"
    only_rows = True

    def __init__(self, folder: Path, inspected: Path, settings: CompareSettings) -> None:
        super().__init__(folder, settings)
        self.inspected = inspected
        self.limits = settings

    @classmethod
    def of(cls, job: "Build") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.folder("inspect"), job.config.compare)

    def inputs(self) -> Any:
        """Return the hash of the list of official clips, which stay in the test split."""
        return sha256_file(OFFICIAL_LIST)

    def files(self) -> list[Path]:
        """Return the table of pairs."""
        return [self.folder / "matches.csv"]

    def run(self, clips: Manifest) -> Iterator[ManifestRow]:
        """Compare all clips."""
        official_ids = frozenset(clip.youtube_id for clip in official_clips())
        videos = EqualStreams.of(clips.column("video_sha256"))
        sounds = EqualStreams.of(clips.column("audio_sha256"))
        clip_ids = clips.column("clip_id")
        matches = {
            "video": equal_videos(self._fingerprints(clip_ids, videos, "frames"), self.limits),
            "sound": equal_sounds(self._fingerprints(clip_ids, sounds, "landmarks"), self.limits),
        }
        videos.connect(matches["video"])
        sounds.connect(matches["sound"])
        found = Compared(clip_ids, clips.column("split"), clips.column("youtube_id"), videos, sounds)
        self._write_matches(found, matches)
        return separate(clips, found, official_ids, self.limits, self.name)

    def _fingerprints(self, clip_ids: pa.Array, streams: EqualStreams, name: str) -> Ragged:
        """Return the fingerprints of the first clip of each group."""
        tables = fingerprint_tables(self.inspected, clip_ids.take(pa.array(streams.firsts)))
        return Ragged.of_lists((table[name] for table in tables), width=2 if name == "landmarks" else 1)

    def _write_matches(self, found: Compared, matches: dict[str, list[Match]]) -> None:
        lines: list[list[str]] = []
        for stream, groups in (("video", found.videos), ("sound", found.sounds)):
            for match in matches[stream]:
                first, second = (found.clip_ids[int(groups.firsts[g])].as_py() for g in (match.first, match.second))
                lines.append([stream, first, second, f"{match.score:.3f}"])
            for first, copy in groups.copies():
                lines.append([stream, found.clip_ids[first].as_py(), found.clip_ids[copy].as_py(), "1.000"])
        write_text(self.folder / "matches.csv", csv_text(["stream", "clip_id", "other_clip_id", "score"], lines))
