"""Probe a media file before it is decoded; media files are not trusted."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from builder.normalise.child import GIBIBYTE, Limits, run_limited
from builder.stage import Dropped
from mma_bench.dataset.media import CONTAINERS, MAX_PIXELS

MAX_FRAME_RATE = 1000
_LIMITS = Limits(memory=GIBIBYTE, processor=30, wall=60)
_FIELDS = (
    "stream=index,codec_type,codec_name,width,height,sample_aspect_ratio,field_order,color_transfer,color_primaries,"
    "avg_frame_rate,r_frame_rate,duration,channels:stream_disposition=default,attached_pic:stream_side_data=rotation:"
    "format=format_name,start_time,duration"
)
_HDR = {"arib-std-b67", "smpte2084"}
_INTERLACED = {"tt", "bb", "tb", "bt"}
_WIDEST_PIXEL = 4
"""Real formats are between 1:2 and 2.2:1 (anamorphic film on a DVD)."""


@dataclass(frozen=True)
class Probe:
    """The properties that the container states.

    Attributes:
        video_index: index of the first video stream that is not a cover image.
        video_codec: FFmpeg's name of its codec.
        audio_index: index of the audio stream that is marked as default, or of the first.
        channels: of that audio stream.
        width: of the displayed frame, in square pixels, after rotation.
        height: the same.
        interlaced: whether frames contain two fields from different moments.
        high_dynamic_range: whether colours are HLG, PQ or BT.2020 and must be converted to BT.709.
        frame_rate: average frames per second.
        seconds: length of the video stream, or None if the container does not say.
        seekable: whether the container has an index of its frames. Transport and program streams and FLV do not, and
            seeking in them may end at a later frame than requested.
    """

    video_index: int
    video_codec: str
    audio_index: int
    channels: int
    width: int
    height: int
    interlaced: bool
    high_dynamic_range: bool
    frame_rate: Fraction
    seconds: float | None
    seekable: bool


def probe(path: Path) -> Probe:
    """Return the properties of the container at ``path``, read by a child process with limits.

    Raises:
        Dropped: the file cannot be used as a clip.
    """
    command = ["ffprobe", "-v", "error", "-format_whitelist", CONTAINERS, "-show_entries", _FIELDS, "-of", "json"]
    said = run_limited([*command, f"file:{path}"], _LIMITS).output
    try:
        found = json.loads(said)
        return _probe(found.get("streams", []), found.get("format", {}))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise Dropped("undecodable", "not a readable media file: its metadata is invalid") from error


def _probe(streams: Sequence[Mapping[str, Any]], container: Mapping[str, Any]) -> Probe:
    kinds: dict[str, list[Mapping[str, Any]]] = {"video": [], "audio": []}
    for stream in streams:
        if not _disposed(stream, "attached_pic") and stream.get("codec_type") in kinds:
            kinds[str(stream["codec_type"])].append(stream)
    if not kinds["video"]:
        raise Dropped("no_video_stream", "the file has no video stream")
    if not kinds["audio"]:
        raise Dropped("no_audio_stream", "the file has no audio stream")
    video = kinds["video"][0]
    audio = next((stream for stream in kinds["audio"] if _disposed(stream, "default")), kinds["audio"][0])
    if video.get("codec_name", "unknown") == "unknown" or not video.get("width") or not video.get("height"):
        raise Dropped("undecodable", "the video stream does not say how it is coded")
    width, height = _seen_size(video)
    return Probe(
        video_index=int(video["index"]),
        video_codec=str(video["codec_name"]),
        audio_index=int(audio["index"]),
        channels=int(audio.get("channels") or 0),
        width=width,
        height=height,
        interlaced=video.get("field_order") in _INTERLACED,
        high_dynamic_range=video.get("color_transfer") in _HDR or video.get("color_primaries") == "bt2020",
        frame_rate=_frame_rate(video),
        seconds=_number(video.get("duration")) or _container_seconds(container),
        seekable=not {"mpegts", "mpeg", "flv"} & set(str(container.get("format_name", "")).split(",")),
    )


def _container_seconds(container: Mapping[str, Any]) -> float | None:
    """Return the length that the container states, which in Matroska may count from 0 although streams begin later."""
    seconds, start = _number(container.get("duration")), _number(container.get("start_time"))
    is_matroska = "matroska" in str(container.get("format_name", ""))
    return seconds - start if is_matroska and seconds and start and start < seconds else seconds


def _disposed(stream: Mapping[str, Any], name: str) -> bool:
    return bool(stream.get("disposition", {}).get(name))


def _seen_size(video: Mapping[str, Any]) -> tuple[int, int]:
    """Return the size in square pixels, both even, after rotation."""
    width, height = int(video["width"]), int(video["height"])
    if width * height > MAX_PIXELS:
        raise Dropped("too_large", f"{width}x{height} pixels per frame")
    shape = _ratio(video.get("sample_aspect_ratio")) or Fraction(1)
    if not 1 / _WIDEST_PIXEL <= shape <= _WIDEST_PIXEL:
        raise Dropped("odd_pixel_shape", f"pixels that are {float(shape):.3g} times as wide as high")
    # Enlarged, never reduced, so that no detail is lost: a DVD of 720x576 with 64:45 is 1024x576.
    wide, high = (width * shape, Fraction(height)) if shape >= 1 else (Fraction(width), height / shape)
    size = max(2, round(wide / 2) * 2), max(2, round(high / 2) * 2)
    if shape == 1:
        size = width, height
    turns = [abs(float(data["rotation"])) for data in video.get("side_data_list", []) if "rotation" in data]
    is_turned = any(45 < turn % 180 < 135 for turn in turns if math.isfinite(turn))
    return (size[1], size[0]) if is_turned else size


def _frame_rate(stream: Mapping[str, Any]) -> Fraction:
    for name in ("avg_frame_rate", "r_frame_rate"):
        rate = _ratio(stream.get(name))
        if rate and 0 < rate <= MAX_FRAME_RATE:
            return rate.limit_denominator(1001)
    return Fraction(25)


def _ratio(text: Any) -> Fraction | None:
    """Return `30000/1001` or `64:45` as a number; none for `0/0`, `N/A` and nonsense."""
    try:
        found = Fraction(str(text).replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        return None
    return found if found > 0 else None


def _number(text: Any) -> float | None:
    try:
        found = float(text)
    except (ValueError, TypeError):
        return None
    return found if math.isfinite(found) and found > 0 else None
