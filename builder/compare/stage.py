"""The `compare` stage: every clip is compared with all others."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.compare.search import Match, equal_sounds, equal_videos
from builder.compare.settings import CompareSettings
from builder.compare.splits import EqualStreams, separate
from builder.inspect.fingerprint import Fingerprint
from builder.inspect.stage import fingerprint_path
from builder.manifest import ManifestRow
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

    def run(self, rows: list[ManifestRow]) -> list[ManifestRow]:
        """Compare all kept clips."""
        official_ids = frozenset(clip.youtube_id for clip in official_clips())
        kept = [row for row in rows if row.kept]
        videos = EqualStreams.of([row.video_sha256 for row in kept])
        sounds = EqualStreams.of([row.audio_sha256 for row in kept])
        same_video = equal_videos([self._read(kept[clip]).frames for clip in videos.firsts], self.limits)
        same_sound = equal_sounds([self._read(kept[clip]).landmarks for clip in sounds.firsts], self.limits)
        videos.connect(same_video)
        sounds.connect(same_sound)
        self._write_matches(kept, {"video": (videos, same_video), "sound": (sounds, same_sound)})
        separated = separate(kept, videos, sounds, official_ids, self.limits, self.name)
        finished = {row.clip_id: row for row in separated}
        return [finished.get(row.clip_id, row) for row in rows]

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
