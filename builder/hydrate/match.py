"""The `match` stage of hydration: is a clip that was created here the published one?"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.compare import CompareSettings
from builder.compare.ragged import Ragged
from builder.compare.search import equal_sounds, equal_videos
from builder.inspect.fingerprint import Fingerprint
from builder.inspect.frame_hash import frame_hashes
from builder.inspect.sound_landmarks import sound_landmarks
from builder.inspect.stage import decode
from builder.manifest import ManifestRow
from builder.package.references import REFERENCES, ClipReference, read_references
from builder.stage import ClipStage, Dropped
from mma_bench.dataset.records import read_records
from mma_bench.files.hashing import sha256_file
from mma_bench.schema import Clip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from builder.hydrate.run import HydrateJob

_MAX_SECONDS_APART = 0.5  # another container of the same video may be a frame or an audio packet longer
_MAX_SHIFT = 16  # hops of 16 ms: the start differs by a frame or two between decoders, by seconds with another cut


class MatchClips(ClipStage):
    """Compare hashes and, if they differ, lengths and fingerprints. Drop clips that do not match."""

    name = "match"

    def __init__(self, folder: Path, normalised: Path, data: Path, frames_per_second: float) -> None:
        super().__init__(folder, frames_per_second)
        self.clips = normalised / "clips"
        self.data = data
        self.frames_per_second = frames_per_second
        self.limits = CompareSettings()

    @classmethod
    def of(cls, job: "HydrateJob") -> Self:
        """Return the stage as ``job`` needs it."""
        published = job.published
        frames_per_second = published.inspect.frames_per_second
        return cls(job.folder(cls.name), job.folder("normalise"), published.folder, frames_per_second)

    def inputs(self) -> Any:
        """Return the hashes of the published clips and fingerprints."""
        return [sha256_file(self.data / "metadata" / "clips.parquet"), sha256_file(self.data / REFERENCES)]

    @functools.cached_property
    def _published(self) -> dict[str, Clip]:
        return {clip.clip_id: clip for clip in read_records(self.data, "metadata/clips.parquet", Clip)}

    @functools.cached_property
    def _references(self) -> dict[str, ClipReference]:
        return {reference.clip_id: reference for reference in read_references(self.data)}

    def process(self, row: ManifestRow) -> ManifestRow:
        """Return ``row``, or drop it."""
        clip = self._published[row.clip_id]
        same = {"video": row.video_sha256 == clip.video_sha256, "sound": row.audio_sha256 == clip.audio_sha256}
        if all(same.values()):
            return row
        for name, seconds, published in (
            ("video", row.video_seconds, clip.video_seconds),
            ("sound", row.audio_seconds, clip.audio_seconds),
        ):
            if abs((seconds or 0.0) - published) > _MAX_SECONDS_APART:
                raise Dropped("other_length", f"the {name} has {seconds} s, the published one {published} s")
        samples, luma = decode(row, self.clips, self.frames_per_second)
        found = Fingerprint(sound_landmarks(samples), frame_hashes(luma))
        compared = self._verdicts(self._references[row.clip_id].fingerprint, found)
        verdicts = {name: True if same[name] else compared[name] for name in same}
        if other := [name for name, verdict in verdicts.items() if verdict is False]:
            raise Dropped("other_media", f"another {' and another '.join(other)} than was published")
        # A stream with too little content to compare came from the same file, cut at the same times.
        if not any(verdicts.values()):
            raise Dropped("cannot_compare", "other bytes than were published, and too little in them to compare")
        return row

    def _verdicts(self, reference: Fingerprint, found: Fingerprint) -> dict[str, bool | None]:
        """Return for each stream whether it is the same; None if the reference has too little content."""
        video = bool(equal_videos(_pair(reference.frames, found.frames), self.limits))
        sound = bool(equal_sounds(_pair(reference.landmarks, found.landmarks), self.limits, max_shift=_MAX_SHIFT))
        return {
            "video": video if len(reference.frames) >= self.limits.min_frames else None,
            "sound": sound if len(reference.landmarks) >= self.limits.min_landmarks else None,
        }


def _pair(first: "NDArray[Any]", second: "NDArray[Any]") -> Ragged:
    return Ragged.of([first, second], first[:0])
