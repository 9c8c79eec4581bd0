"""The block that inspects one clip."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from builder.clip_step import ClipStep, Dropped
from builder.inspect.measure import brightest_luma, motion, sound_level
from builder.manifest import ManifestRow
from mma_bench.media import Media


class InspectSettings(BaseModel):
    """Thresholds below which a stream shows or says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_peak: float = Field(default=0.0005, description="a quieter peak is digital silence (-66 dB full scale)")
    min_luma: float = Field(default=24.0, description="a video whose brightest frame is darker is black")
    min_motion: float = Field(default=6.0, description="a video whose frames change less, of 255, is frozen")
    frames_per_second: float = Field(default=2.0, gt=0, description="frames looked at")


class InspectClips(ClipStep):
    """Measure level, brightness and motion; drop silent, black and frozen clips."""

    stage = "inspect"

    def __init__(self, folder: Path, normalised: Path, settings: InspectSettings) -> None:
        super().__init__(folder, settings)
        self.clips = normalised / "clips"
        self.thresholds = settings

    def process(self, row: ManifestRow) -> ManifestRow:
        """Return ``row`` with its measurements."""
        media = Media(
            key=row.clip_id,
            read_video=(self.clips / f"{row.clip_id}.mp4").read_bytes,
            read_audio=(self.clips / f"{row.clip_id}.flac").read_bytes,
            seconds=min(row.video_seconds or 0.0, row.audio_seconds or 0.0),
        )
        limits = self.thresholds
        level = sound_level(media.audio())
        if level.peak < limits.min_peak:
            raise Dropped("digital_silence", f"the loudest sample is {level.peak:.5f} of full scale")
        frames = media.frames(limits.frames_per_second, size=126)
        luma, change = brightest_luma(frames), motion(frames)
        if luma < limits.min_luma:
            raise Dropped("black_video", f"the brightest frame has luma {luma:.1f} of 255")
        if change < limits.min_motion:
            raise Dropped("frozen_video", f"frames change by {change:.3f} of 255 at most")
        measured = {
            "audio_peak": round(level.peak, 6),
            "audio_rms_db": round(level.rms_db, 3),
            "brightest_luma": round(luma, 3),
            "motion": round(change, 3),
        }
        return row.model_copy(update=measured)
