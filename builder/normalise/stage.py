"""The `normalise` stage: a silent video and a mono sound for each clip, all of one kind."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

import av

from builder.manifest import ManifestRow, Probe
from builder.media_folder import clip_file
from builder.normalise.probe import probe
from builder.normalise.settings import NormaliseSettings
from builder.normalise.transcode import transcode
from builder.scratch import media_path
from builder.stage import ClipStage, Dropped
from mma_bench.files.hashing import sha256_file

if TYPE_CHECKING:
    from builder.job import Job

_TRUNCATION_SECONDS = 0.5  # containers are often a frame or an audio packet longer than their decodable part


class NormaliseClips(ClipStage):
    """Centre-crop, scale and cut the video, store the audio separately; drop clips that cannot be decoded."""

    name = "normalise"

    def __init__(self, folder: Path, fetched: Path, settings: NormaliseSettings) -> None:
        super().__init__(folder, settings)
        self.fetched = fetched
        self.options = settings

    @classmethod
    def of(cls, job: "Job") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.folder("fetch"), job.normalise)

    def outputs(self, clip_id: str, media: str | None = None) -> list[Path]:
        """Return the two streams."""
        return [clip_file(self.folder / "clips", clip_id, suffix) for suffix in ("mp4", "flac")]

    def process(self, row: ManifestRow) -> ManifestRow:
        """Write both streams of ``row`` and return it with their hashes and lengths."""
        source = (self.fetched / str(row.media)).resolve()
        found = probe(source)
        seconds = self.options.seconds
        if row.end_seconds is not None:
            seconds = min(seconds, row.end_seconds - row.start_seconds)
        video_path, audio_path = self.outputs(row.clip_id)
        with media_path(video_path) as video, media_path(audio_path) as audio:
            start = row.media_start_seconds
            written = transcode(source, found, video, audio, self.options, start=start, seconds=seconds)
            frames, rate = _count_frames(video)
            if found.seconds is not None:
                seconds = min(seconds, found.seconds - row.media_start_seconds)
            _check_lengths(frames / rate, written.audio_seconds, expected=seconds)
        return row.changed(
            video_sha256=sha256_file(video_path),
            audio_sha256=sha256_file(audio_path),
            video_seconds=round(frames / rate, 6),
            audio_seconds=round(written.audio_seconds, 6),
            frame_rate=round(rate, 6),
            probe=Probe(
                source_width=found.width,
                source_height=found.height,
                source_frame_rate=round(float(found.frame_rate), 6),
                decoder_complaints=written.complaints,
                first_complaint=written.first_complaint or None,
            ),
        )


def _check_lengths(video: float, audio: float, *, expected: float) -> None:
    if video <= 0 or audio <= 0:
        raise Dropped("zero_length", f"the segment contains {video:.2f} s of video and {audio:.2f} s of audio")
    if video < expected - _TRUNCATION_SECONDS:
        raise Dropped("truncated", f"only {video:.2f} s of {expected:.2f} s of video can be decoded")


def _count_frames(path: Path) -> tuple[int, float]:
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return stream.frames, float(stream.average_rate or 1)
    except (av.error.FFmpegError, IndexError) as error:
        raise Dropped("zero_length", "the segment contains no video frame") from error
