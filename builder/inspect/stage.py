"""The `inspect` stage: technical checks and fingerprints of the normalised streams."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from builder.inspect.checks import CHECKS, code_of
from builder.inspect.fingerprint import COLUMNS, Fingerprint
from builder.inspect.frame_hash import frame_hashes
from builder.inspect.measure import picture_level, sound_level, to_luma
from builder.inspect.settings import InspectSettings
from builder.inspect.sound_landmarks import sound_landmarks
from builder.manifest import ManifestRow, Quality
from builder.media_folder import clip_file
from builder.stage import ClipStage, WithColumns
from mma_bench.dataset.media import Media

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from builder.run import Build

_PIXELS = 126


class InspectClips(ClipStage):
    """Measure both streams, drop clips with too little content, and store a fingerprint of the others.

    Dropped clips keep their measurements, so that a threshold can be judged by the clips it dropped.
    """

    name = "inspect"

    def __init__(self, folder: Path, normalised: Path, settings: InspectSettings) -> None:
        super().__init__(folder, settings)
        self.clips = normalised / "clips"
        self.limits = settings

    @classmethod
    def of(cls, job: "Build") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.folder("normalise"), job.config.inspect)

    def inputs(self) -> Any:
        """Return a hash of the code of the user's own checks."""
        return code_of(self.limits.checks) if self.limits.checks else None

    @classmethod
    def columns(cls) -> pa.Schema:
        """Return the columns of the fingerprint."""
        return COLUMNS

    def process(self, row: ManifestRow) -> ManifestRow | WithColumns:
        """Return ``row`` with its measurements, dropped if one of them is beyond its threshold."""
        samples, luma = decode(row, self.clips, self.limits.frames_per_second)
        quality = self._measure(row, samples, luma)
        measured = row.changed(quality=quality)
        if problem := next(_problems(row, quality, self.limits), None):
            return measured.drop(self.name, *problem)
        for name in self.limits.checks:
            if said := CHECKS.find(name)(samples, luma):
                return measured.drop(self.name, name, said)
        return WithColumns(measured, Fingerprint(sound_landmarks(samples), frame_hashes(luma)).columns())

    def _measure(self, row: ManifestRow, samples: Any, luma: Any) -> Quality:
        sound = sound_level(samples, silence_db=self.limits.silence_db)
        picture = picture_level(luma, black_luma=self.limits.min_luma, frozen_change=self.limits.min_motion)
        return Quality(
            audio_peak=round(sound.peak, 6),
            audio_rms_db=round(sound.rms_db, 3),
            silence_share=round(sound.silence_share, 4),
            clipping_share=round(sound.clipping_share, 6),
            brightest_luma=round(picture.brightest_luma, 3),
            black_share=round(picture.black_share, 4),
            motion=round(picture.motion, 3),
            frozen_share=round(picture.frozen_share, 4),
            duration_difference=round((row.video_seconds or 0.0) - (row.audio_seconds or 0.0), 4),
        )


def decode(row: ManifestRow, clips: Path, frames_per_second: float) -> "tuple[NDArray[np.float32], NDArray[np.uint8]]":
    """Return the input of `inspect`: the samples [samples], and the luma [frames, height, width] of sampled frames.

    Args:
        row: a normalised clip.
        clips: folder of its streams.
        frames_per_second: frames to sample.
    """
    media = Media(
        key=row.clip_id,
        read_video=clip_file(clips, row.clip_id, "mp4").read_bytes,
        read_audio=clip_file(clips, row.clip_id, "flac").read_bytes,
        seconds=min(row.video_seconds or 0.0, row.audio_seconds or 0.0),
    )
    return media.audio(), to_luma(media.frames(frames_per_second, size=_PIXELS))


def _problems(row: ManifestRow, quality: Quality, limits: InspectSettings) -> Iterator[tuple[str, str]]:
    """Yield (reason, detail) of everything that is wrong with a measured ``row``, the most obvious first."""
    if (probe := row.probe) is not None:
        if min(probe.source_width, probe.source_height) < limits.min_source_size:
            yield "low_resolution", f"the source has {probe.source_width}x{probe.source_height} pixels"
        if probe.source_frame_rate < limits.min_source_frame_rate:
            yield "low_frame_rate", f"the source has {probe.source_frame_rate:.2f} frames per second"
    if abs(quality.duration_difference) > limits.max_duration_difference:
        yield "durations_differ", f"{row.video_seconds:.2f} s of video, {row.audio_seconds:.2f} s of sound"
    if quality.audio_peak < limits.min_peak:
        yield "digital_silence", f"the loudest sample is {quality.audio_peak:.5f} of full scale"
    if quality.audio_rms_db < limits.min_rms_db:
        yield "too_quiet", f"the sound has {quality.audio_rms_db:.1f} dB of full scale"
    if quality.silence_share > limits.max_silence_share:
        yield "mostly_silent", f"{quality.silence_share:.0%} of the sound is below {limits.silence_db:.0f} dB"
    if quality.clipping_share > limits.max_clipping_share:
        yield "clipped_sound", f"{quality.clipping_share:.1%} of the samples are at full scale"
    if quality.black_share > limits.max_black_share:
        yield (
            "black_video",
            f"{quality.black_share:.0%} of the frames are black, the brightest has luma {quality.brightest_luma:.1f}",
        )
    if quality.frozen_share > limits.max_frozen_share:
        yield (
            "frozen_video",
            f"{quality.frozen_share:.0%} of the frames stand still, the largest change is {quality.motion:.2f}",
        )
