"""Makes the media parts of a request: once per stimulus, in a thread, for all its questions."""

import io
import math
import tempfile
import wave
from pathlib import Path
from typing import TYPE_CHECKING

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import TIME_TOLERANCE, Media, first_samples, flac_bytes
from mma_bench.models.endpoint.interleaving import interleave, pieces
from mma_bench.models.endpoint.part import Part
from mma_bench.models.endpoint.settings import EndpointSettings

if TYPE_CHECKING:
    import numpy as np
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

_JPEG_QUALITY = 92


def prepare_parts(media: Media, settings: EndpointSettings) -> list[Part]:
    """Return the parts of ``media`` in the order of ``settings.layout``.

    Streams that are not longer than the stimulus are sent byte for byte. Longer video is cut at a frame without
    encoding, longer audio at the sample.

    Raises:
        MMABenchError: the media cannot be read.
    """
    if settings.media == "none":
        return []
    if settings.media == "muxed":
        return [Part("video", "video/mp4", media.mp4())]
    if settings.streams == "audio":
        pictures = []
    elif settings.media == "frames":
        frames = media.frames(settings.fps, size=settings.size)
        pictures = [Part("image", "image/jpeg", _jpeg(frame)) for frame in frames]
    else:
        pictures = [Part("video", "video/mp4", _cut_video(media))]
    if settings.streams == "video":
        return pictures
    if settings.layout == "interleaved":
        return interleave(pictures, settings.fps, [_sound(part, settings) for part in pieces(_pcm(media))])
    whole = settings.audio_format == "flac"
    sound = Part("audio", "audio/flac", _cut_flac(media)) if whole else _sound(_pcm(media), settings)
    return [sound, *pictures] if settings.layout == "audio-first" else [*pictures, sound]


def _sound(samples: "NDArray[np.int16]", settings: EndpointSettings) -> Part:
    """Return samples, shape [samples], int16, as a part."""
    if settings.audio_format == "wav":
        return Part("audio", "audio/wav", _wav(samples))
    return Part("audio", "audio/flac", flac_bytes(samples))


def _pcm(media: Media) -> "NDArray[np.int16]":
    """Return the audio as the 16-bit samples of the FLAC, shape [samples]."""
    import av
    import numpy as np

    with av.open(io.BytesIO(media.audio_bytes), "r", format="flac") as container:
        stream = container.streams.audio[0]
        if stream.format and (stream.format.name, stream.layout.name, stream.rate) == ("s16", "mono", AUDIO_RATE):
            # Half the time of a conversion through floats, with the same result.
            blocks = (frame.to_ndarray().reshape(-1) for frame in container.decode(stream))
            return first_samples(blocks, round(media.seconds * AUDIO_RATE), np.int16)
    return np.clip(np.rint(media.audio(AUDIO_RATE) * 32768), -32768, 32767).astype(np.int16)


def _wav(samples: "NDArray[np.int16]") -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def _cut_flac(media: Media) -> bytes:
    import av

    content = media.audio_bytes
    with av.open(io.BytesIO(content), "r", format="flac") as container:
        duration = container.duration
    # The stimulus is exactly as long as its shorter stream: half a sample is rounding.
    if duration is not None and duration / av.time_base <= media.seconds + 0.5 / AUDIO_RATE:
        return content
    return flac_bytes(_pcm(media))


def _cut_video(media: Media) -> bytes:
    import av

    content = media.video_bytes
    end = media.seconds - TIME_TOLERANCE
    with av.open(io.BytesIO(content), "r", format="mp4") as source:
        stream = source.streams.video[0]
        if _last_start(stream) < end:
            return content
        packets = [packet for packet in source.demux(stream) if packet.pts is not None]
        kept = [packet for packet in packets if float((packet.pts or 0) * packet.time_base) < end]
        if len(kept) == len(packets):
            return content
        # A file, not a buffer: to move the index to the front, the muxer reopens its output by name.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cut.mp4"
            flags = {"fflags": "+bitexact", "movflags": "+faststart"}
            with av.open(str(path), "w", format="mp4", options=flags) as out:
                copy = out.add_stream_from_template(stream)
                for packet in kept:
                    packet.stream = copy
                    out.mux(packet)
            return path.read_bytes()


def _last_start(stream: "VideoStream") -> float:
    """Return the start of the last frame at a constant rate, in seconds; infinity if the file does not say.

    Without it, all packets must be read, which takes 5 ms longer.
    """
    if not (stream.duration and stream.time_base and stream.average_rate):
        return math.inf
    return float(stream.duration * stream.time_base - 1 / stream.average_rate)


def _jpeg(frame: "NDArray[np.uint8]") -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
