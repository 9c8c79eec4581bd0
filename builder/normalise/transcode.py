"""One call of ffmpeg per clip: the only module that transcodes, and the only one that uses ffmpeg-python."""

import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from builder.normalise import second_decoder
from builder.normalise.child import Limits, last_words, run_limited
from builder.normalise.picture import video_filters
from builder.normalise.probe import Probe
from builder.normalise.settings import NormaliseSettings
from builder.normalise.sound import mono, place
from builder.stage import Dropped
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.encoding import KEY_FRAME_SECONDS, X264_PARAMETERS
from mma_bench.dataset.media import CONTAINERS, TIME_TOLERANCE, flac_bytes

_LEAD_SECONDS = 30.0
"""Decoded before a segment if seeking is not exact: more than the distance of two key frames in any usual file."""
_BT709 = {"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709"}
_QUIET = ["-nostdin", "-v", "error"]


@dataclass(frozen=True)
class Transcoded:
    """Result of a transcoding.

    Attributes:
        audio_seconds: length of the audio.
        complaints: number of messages in which the decoder reported damage; it continues after most of them.
        first_complaint: the first of them.
    """

    audio_seconds: float
    complaints: int
    first_complaint: str


def transcode(
    source: Path,
    found: Probe,
    video: Path,
    audio: Path,
    settings: NormaliseSettings,
    *,
    start: float,
    seconds: float,
) -> Transcoded:
    """Write the silent H.264 ``video`` and the mono FLAC ``audio`` of a segment of ``source``.

    Both begin at the segment's start: a stream that starts late is padded (last frame, silence), so that the two stay
    synchronous although they are stored separately.

    Raises:
        Dropped: ffmpeg cannot decode the segment, or it contains no audio.
        MMABenchError: the disk is full or ffmpeg is missing.
    """
    rate = min(found.frame_rate, Fraction(settings.frame_rate).limit_denominator(1001))
    sought, lead = _seek(found, start)
    # Paths are passed as `file:` URLs: a name such as `concat:a|b` must not become a protocol.
    clip = ffmpeg.input(
        f"file:{source}",
        **({"ss": sought} if sought else {}),
        t=seconds + lead,
        format_whitelist=CONTAINERS,
        # The frame size may change inside a file. The scaler follows it; a rebuilt graph would restart at time 0.
        reinit_filter=0,
    )
    picture = clip[str(found.video_index)].output(
        f"file:{video}",
        vf=video_filters(found, settings, rate=rate, lead=lead),
        **{
            **_video_options(settings),
            **(_BT709 if found.high_dynamic_range else {}),
            "frames:v": max(1, int(seconds * rate + 1e-6)),
        },
    )
    decoded = audio.with_name(f"{audio.name}.nut")  # keeps time stamps, unlike raw samples
    # Separate filter graphs: a change of audio format rebuilds the audio graph and leaves the video graph alone.
    sound = ffmpeg.input(
        f"file:{source}", **({"ss": sought} if sought else {}), t=seconds + lead, format_whitelist=CONTAINERS
    )[str(found.audio_index)].output(
        f"file:{decoded}",
        acodec="pcm_s16le",
        ar=AUDIO_RATE,
        ac=min(2, max(1, found.channels)),
        f="nut",
        map_metadata=-1,
    )
    command = ffmpeg.merge_outputs(picture, sound).compile(overwrite_output=True)
    # The last option is before the input because it is the decoder's. The encoders' options come with each output.
    threads = ["-filter_threads", "1", "-filter_complex_threads", "1", "-threads", "1"]
    command[1:1] = [*_QUIET, *threads]
    try:
        messages = run_limited(command, Limits()).messages
        samples = place(decoded, start=lead, seconds=seconds)
    finally:
        decoded.unlink(missing_ok=True)
    audio.write_bytes(flac_bytes(mono(samples)))
    complaints = [line for line in messages.splitlines() if line.strip()]
    complaints += _second_opinion(source, found, start=start, seconds=seconds)
    return Transcoded(len(samples) / AUDIO_RATE, len(complaints), last_words(complaints[0]) if complaints else "")


def _second_opinion(source: Path, found: Probe, *, start: float, seconds: float) -> list[str]:
    """Return a message for each packet that a second decoder rejects, if the first seldom reports damage.

    This is advice: ffmpeg has decoded the clip, so it is kept where the second decoder crashes or takes too long.
    """
    if found.video_codec not in second_decoder.DECODERS:
        return []
    span = [found.video_codec, str(start), str(start + seconds)]
    command = [sys.executable, second_decoder.__file__, f"file:{source}", CONTAINERS, str(found.video_index), *span]
    try:
        refused = int(run_limited(command, Limits()).output)
    except (Dropped, ValueError):
        return []
    return [f"a second decoder for {found.video_codec} refuses a packet"] * refused


def _seek(found: Probe, start: float) -> tuple[float, float]:
    """Return where to seek to, 0 for the beginning, and how much to decode and discard after that, in seconds."""
    if found.seekable:
        return start, 0.0
    sought = max(0.0, start - _LEAD_SECONDS)
    return sought, start - sought


def blend_videos(
    own: Path, other: Path, path: Path, *, share: float, rate: Fraction, frames: int, settings: NormaliseSettings
) -> None:
    """Write ``frames`` frames of ``own`` blended with ``share`` (0 to 1) of ``other``, encoded like clips."""
    top = ffmpeg.input(f"file:{own}", threads=1)
    bottom = ffmpeg.input(f"file:{other}", threads=1).filter("fps", fps=f"{rate.numerator}/{rate.denominator}")
    blended = ffmpeg.filter([top, bottom], "blend", all_mode="normal", all_opacity=1 - share)
    _run_filters(blended.output(f"file:{path}", **{**_video_options(settings), "frames:v": frames}))


def cover_video(video: Path, mask: Path, path: Path, *, settings: NormaliseSettings) -> None:
    """Write ``video`` with an image over each of its frames, encoded like clips.

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
    return run_limited(["ffmpeg", "-version"], Limits()).output.splitlines()[0]


def _run_filters(output: Any) -> None:
    command = output.compile(overwrite_output=True)
    command[1:1] = [*_QUIET, "-filter_threads", "1", "-filter_complex_threads", "1"]
    run_limited(command, Limits())


def _video_options(settings: NormaliseSettings) -> dict[str, object]:
    return {
        "vcodec": "libx264",
        "preset": settings.preset,
        "crf": settings.crf,
        "pix_fmt": "yuv420p",
        "threads": 1,  # one encoder thread per process: tasks run in parallel, and bytes do not depend on the machine
        # The first frame at or after each half second is a key frame across which nothing refers (IDR).
        # The millisecond is the tolerance of frame sampling: 15.008 frames per second put one at 0.9995 s.
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
