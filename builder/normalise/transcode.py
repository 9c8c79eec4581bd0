"""One call of ffmpeg a clip: the only module that transcodes, and the only one that uses ffmpeg-python."""

import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import ffmpeg
from pydantic import BaseModel, ConfigDict, Field

from builder.clip_step import Dropped
from builder.normalise.probe import Probe
from mma_bench.columns import AUDIO_RATE
from mma_bench.containers import CONTAINERS
from mma_bench.errors import MMABenchError
from mma_bench.media import TIME_TOLERANCE

KEY_FRAME_SECONDS = 0.5
X264_PARAMETERS = "scenecut=0:open-gop=0:keyint=infinite"
_TIMEOUT_SECONDS = 300
_QUIET = ["-nostdin", "-v", "error"]


class NormaliseSettings(BaseModel):
    """How clips are stored. The defaults follow MMA-Bench's published preprocessing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=504, ge=16, le=4096, multiple_of=2, description="width and height, pixels")
    fit: Literal["crop", "pad"] = Field(
        default="crop", description="crop: the centre square; pad: the whole picture between black bars"
    )
    seconds: float = Field(default=10.0, gt=0, description="longest clip; shorter ones keep their length")
    frame_rate: float = Field(default=30.0, gt=0, le=240, description="highest constant frame rate")
    crf: int = Field(default=18, ge=0, le=51, description="x264's constant rate factor")
    preset: str = Field(default="veryfast", pattern="^[a-z]+$", description="x264's preset")


def transcode(
    source: Path,
    found: Probe,
    video: Path,
    audio: Path,
    settings: NormaliseSettings,
    *,
    start: float,
    seconds: float,
) -> None:
    """Write the silent H.264 ``video`` and the mono FLAC ``audio`` of a segment of ``source``.

    Both begin at the segment's start: a stream that starts late is padded (last frame, silence), so that
    the two stay in step although they are stored apart.

    Raises:
        Dropped: ffmpeg cannot decode the segment.
        MMABenchError: the disk is full or ffmpeg is missing.
    """
    rate = min(found.frame_rate, Fraction(settings.frame_rate).limit_denominator(1001))
    # Paths go in as `file:` URLs: a name such as `concat:a|b` must not become a protocol.
    clip = ffmpeg.input(f"file:{source}", ss=start, t=seconds, format_whitelist=CONTAINERS)
    frames = clip[str(found.video_index)].filter("fps", fps=f"{rate.numerator}/{rate.denominator}", start_time=0)
    picture = (
        _square(frames, settings)
        .filter("setsar", 1)
        .output(f"file:{video}", **{**_video_options(settings), "frames:v": max(1, int(seconds * rate + 1e-6))})
    )
    sound = (
        clip["a:0"]
        .filter("aresample", AUDIO_RATE, **{"async": 1, "first_pts": 0})
        .output(f"file:{audio}", **_audio_options())
    )
    command = ffmpeg.merge_outputs(picture, sound).compile(overwrite_output=True)
    # The last option stands before the input: it is the decoder's. The encoders' own come with each output.
    threads = ["-filter_threads", "1", "-filter_complex_threads", "1", "-threads", "1"]
    command[1:1] = [*_QUIET, *threads]
    _run(command)


def blend_videos(
    own: Path, other: Path, path: Path, *, share: float, rate: Fraction, frames: int, settings: NormaliseSettings
) -> None:
    """Write ``frames`` frames of ``own`` blended with ``share`` (0 to 1) of ``other``, encoded as clips are."""
    top = ffmpeg.input(f"file:{own}", threads=1)
    bottom = ffmpeg.input(f"file:{other}", threads=1).filter("fps", fps=f"{rate.numerator}/{rate.denominator}")
    blended = ffmpeg.filter([top, bottom], "blend", all_mode="normal", all_opacity=1 - share)
    _run_filters(blended.output(f"file:{path}", **{**_video_options(settings), "frames:v": frames}))


def cover_video(video: Path, mask: Path, path: Path, *, settings: NormaliseSettings) -> None:
    """Write ``video`` with a picture over each of its frames, encoded as clips are.

    Args:
        video: a normalised video.
        mask: raw pixels, RGBA, of the size of the video.
        path: the file to write.
        settings: how videos are encoded.
    """
    size = (settings.size, settings.size)
    picture = ffmpeg.input(f"file:{mask}", f="rawvideo", pixel_format="rgba", video_size=size)
    covered = ffmpeg.overlay(ffmpeg.input(f"file:{video}", threads=1), picture, eof_action="repeat", format="yuv420")
    _run_filters(covered.output(f"file:{path}", **_video_options(settings)))


def ffmpeg_version() -> str:
    """Return the first line of `ffmpeg -version`, for provenance."""
    return _run(["ffmpeg", "-version"]).splitlines()[0]


def _run_filters(output: Any) -> None:
    command = output.compile(overwrite_output=True)
    command[1:1] = [*_QUIET, "-filter_threads", "1", "-filter_complex_threads", "1"]
    _run(command)


def _square(frames: Any, settings: NormaliseSettings) -> Any:
    size = settings.size
    if settings.fit == "crop":
        return frames.filter("crop", "min(iw,ih)", "min(iw,ih)").filter("scale", size, size, flags="bicubic")
    inside = frames.filter(
        "scale", size, size, flags="bicubic", force_original_aspect_ratio="decrease", force_divisible_by=2
    )
    return inside.filter("pad", size, size, "(ow-iw)/2", "(oh-ih)/2")


def _video_options(settings: NormaliseSettings) -> dict[str, object]:
    return {
        "vcodec": "libx264",
        "preset": settings.preset,
        "crf": settings.crf,
        "pix_fmt": "yuv420p",
        "threads": 1,  # one encoder thread a process: tasks run side by side, and bytes do not depend on the machine
        # The first frame at or after each half second is a key frame that nothing refers across (IDR).
        # The millisecond is the tolerance with which frames are sampled: 15.008 a second puts one at 0.9995 s.
        "force_key_frames": f"expr:gte(t+{TIME_TOLERANCE},n_forced*{KEY_FRAME_SECONDS})",
        "forced-idr": 1,
        "x264-params": X264_PARAMETERS,
        "map_metadata": -1,
        "map_chapters": -1,
        "fflags": "+bitexact",
        "flags:v": "+bitexact",
        "movflags": "+faststart",
        "f": "mp4",
    }


def _audio_options() -> dict[str, object]:
    # AAC decodes to 32 bits; without s16 the FLAC would be twice as large.
    return {
        "acodec": "flac",
        "ar": AUDIO_RATE,
        "ac": 1,
        "sample_fmt": "s16",
        "map_metadata": -1,
        "fflags": "+bitexact",
        "flags:a": "+bitexact",
        "f": "flac",
    }


def _run(command: list[str]) -> str:
    try:
        result = subprocess.run(
            command, capture_output=True, timeout=_TIMEOUT_SECONDS, text=True, errors="replace", check=False
        )
    except FileNotFoundError as error:
        raise MMABenchError("ffmpeg is not installed; run scripts/setup.sh or install it with your system") from error
    except subprocess.TimeoutExpired as error:
        raise Dropped("timeout", f"ffmpeg did not finish within {_TIMEOUT_SECONDS} s") from error
    if "No space left on device" in result.stderr:
        raise MMABenchError("the disk is full; free some space and run the same command again, it goes on")
    if result.returncode != 0:
        raise Dropped("undecodable", f"ffmpeg cannot decode it: {_last_words(result.stderr)}")
    return result.stdout


def _last_words(stderr: str) -> str:
    """Return ffmpeg's last line without addresses and paths, which differ between runs and machines."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    words = [word for word in (lines[-1] if lines else "no message").split() if "/" not in word and "0x" not in word]
    return " ".join(words)[:200]
