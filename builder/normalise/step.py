"""The block that normalises one clip."""

from pathlib import Path

import av

from builder.clip_step import ClipStep, Dropped
from builder.manifest import ManifestRow
from builder.normalise.probe import probe
from builder.normalise.transcode import NormaliseSettings, transcode
from mma_bench.atomic import atomic_path
from mma_bench.errors import MMABenchError
from mma_bench.hashing import sha256_file

_TRUNCATION_SECONDS = 0.5  # containers are often a frame or an audio packet longer than what decodes


class NormaliseClips(ClipStep):
    """Centre-crop, scale and cut the video, store the sound apart; drop what cannot be decoded."""

    stage = "normalise"

    def __init__(self, folder: Path, fetched: Path, settings: NormaliseSettings) -> None:
        super().__init__(folder, settings)
        self.fetched = fetched
        self.options = settings

    def outputs(self, row: ManifestRow) -> list[Path]:
        """Return the two streams."""
        return [self.folder / "clips" / f"{row.clip_id}.{suffix}" for suffix in ("mp4", "flac")]

    def process(self, row: ManifestRow) -> ManifestRow:
        """Write both streams of ``row`` and return it with their hashes and lengths."""
        source = (self.fetched / str(row.media)).resolve()
        found = probe(source)
        seconds = self.options.seconds
        if row.end_seconds is not None:
            seconds = min(seconds, row.end_seconds - row.start_seconds)
        video_path, audio_path = self.outputs(row)
        with atomic_path(video_path) as video, atomic_path(audio_path) as audio:
            transcode(source, found, video, audio, self.options, start=row.media_start_seconds, seconds=seconds)
            frames, rate = _count_frames(video)
            samples, sampling_rate = _count_samples(audio)
            if found.seconds is not None:
                seconds = min(seconds, found.seconds - row.media_start_seconds)
            _check_lengths(frames / rate, samples / sampling_rate, expected=seconds)
        return row.model_copy(
            update={
                "video_sha256": sha256_file(video_path),
                "audio_sha256": sha256_file(audio_path),
                "video_seconds": round(frames / rate, 6),
                "audio_seconds": round(samples / sampling_rate, 6),
                "frame_rate": round(rate, 6),
                "source_width": found.width,
                "source_height": found.height,
                "source_frame_rate": round(float(found.frame_rate), 6),
            }
        )


def _check_lengths(video: float, audio: float, *, expected: float) -> None:
    if video <= 0 or audio <= 0:
        raise Dropped("zero_length", f"the segment holds {video:.2f} s of video and {audio:.2f} s of sound")
    if video < expected - _TRUNCATION_SECONDS:
        raise Dropped("truncated", f"only {video:.2f} s of {expected:.2f} s of video can be decoded")


def _count_frames(path: Path) -> tuple[int, float]:
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return stream.frames, float(stream.average_rate or 1)
    except (av.error.FFmpegError, IndexError) as error:
        raise Dropped("zero_length", "the segment holds no video frame") from error


def _count_samples(path: Path) -> tuple[int, int]:
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            if stream.duration is None:
                raise MMABenchError(f"{path.name}: ffmpeg wrote a FLAC file without a length; is ffmpeg 5 or newer?")
            return stream.duration, stream.sample_rate
    except (av.error.FFmpegError, IndexError) as error:
        raise Dropped("zero_length", "the segment holds no sound") from error
