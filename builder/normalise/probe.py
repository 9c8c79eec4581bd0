"""Look at a media file before it is decoded; media files are hostile until looked at."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

from builder.clip_step import Dropped
from mma_bench.containers import CONTAINERS, MAX_PIXELS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

MAX_FRAME_RATE = 1000


@dataclass(frozen=True)
class Probe:
    """What the container says of itself.

    Attributes:
        video_index: index of the first video stream that is not a cover picture.
        width: of its frames, pixels.
        height: of its frames, pixels.
        frame_rate: average frames a second.
        seconds: length of the video stream, or none if the container does not say.
    """

    video_index: int
    width: int
    height: int
    frame_rate: Fraction
    seconds: float | None


def probe(path: Path) -> Probe:
    """Return what the container at ``path`` says, or raise Dropped if it cannot serve as a clip."""
    try:
        with av.open(f"file:{path}", options={"format_whitelist": CONTAINERS}) as container:
            video = next((s for s in container.streams.video if not s.disposition & s.disposition.attached_pic), None)
            if video is None:
                raise Dropped("no_video_stream", "the file has no video stream")
            if not container.streams.audio:
                raise Dropped("no_audio_stream", "the file has no audio stream")
            if video.width * video.height > MAX_PIXELS:
                raise Dropped("too_large", f"{video.width}x{video.height} pixels a frame")
            return Probe(video.index, video.width, video.height, _frame_rate(video), _seconds(container, video))
    except (av.error.FFmpegError, ValueError) as error:
        raise Dropped("undecodable", f"not a media file that can be read: {_words(error)}") from error


def _frame_rate(stream: "VideoStream") -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= MAX_FRAME_RATE:
            return Fraction(rate).limit_denominator(1001)
    return Fraction(25)


def _seconds(container: "InputContainer", stream: "VideoStream") -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration else None


def _words(error: Exception) -> str:
    """Return FFmpeg's own words, without the path of this machine."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text)[:200]
