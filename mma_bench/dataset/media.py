"""The two streams of a stimulus, decoded only when requested."""

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.errors import MMABenchError

if TYPE_CHECKING:
    import av
    import numpy as np
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,m4v,h264"
"""Formats that are opened. Playlists (hls, concat, dash) are not: they could name other files or servers."""

MAX_PIXELS = 8192 * 8192
"""Of a frame."""

MAX_FRAME_BYTES = 2 << 30
"""Bound for the frames of one stimulus, decoded. A video of a few kilobytes can claim any size and length."""

TIME_TOLERANCE = 1e-3
"""A frame counts as displayed this many seconds early: the time stamps of odd frame rates are rounded."""


@dataclass(frozen=True)
class Media:
    """A silent H.264 video and a mono 16 kHz FLAC, each read when it is needed.

    Nothing is cached: a benchmark has thousands of streams, and the system's file cache adapts to the memory.

    Attributes:
        key: name for error messages.
        read_video: returns the bytes of the `mp4` member.
        read_audio: returns the bytes of the `flac` member.
        seconds: length to play; longer streams are cut to it when they are decoded or muxed.
        regular_keys: whether the video has a key frame at the first frame at or after each half second, like the
            builder's videos. Other videos do not.
    """

    key: str
    read_video: Callable[[], bytes]
    read_audio: Callable[[], bytes]
    seconds: float
    regular_keys: bool = True

    @property
    def video_bytes(self) -> bytes:
        """The `mp4` member, byte for byte."""
        return self.read_video()

    @property
    def audio_bytes(self) -> bytes:
        """The `flac` member, byte for byte."""
        return self.read_audio()

    def frames(self, fps: float = 2.0, *, size: int | None = None) -> "NDArray[np.uint8]":
        """Decode the frames displayed at 0, 1/fps, 2/fps ... seconds.

        Each is the first frame at or after its time. At 2 or 1 frames per second, these are only key frames, because
        the builder makes one every 0.5 s, and nothing else is decoded.

        Args:
            fps: frames per second to return; above the video's own rate, frames are repeated.
            size: height and width to scale to (the stored video is square), or None for the stored size.

        Returns:
            Array of shape [frames, height, width, 3], uint8, RGB.

        Raises:
            MMABenchError: the video cannot be decoded.
        """
        import numpy as np
        from av.video.reformatter import VideoReformatter

        times = sample_times(fps, self.seconds)
        with self._open(self.video_bytes, "mp4") as container:
            stream = container.streams.video[0]
            needed = len(times) * (size or stream.height) * (size or stream.width) * 3
            if max(needed, len(times) * stream.height * stream.width * 3) > MAX_FRAME_BYTES:
                raise MMABenchError(
                    f"{self.key}: {len(times)} frames of {stream.width} x {stream.height} take more than "
                    f"{MAX_FRAME_BYTES >> 20} MB; request fewer frames per second, or do not trust this dataset"
                )
            # The builder's encoder makes one slice per frame, so more threads only wait: 146 ms per clip, not 136.
            stream.codec_context.thread_count = 1
            if self.regular_keys and (2 / fps).is_integer():
                stream.codec_context.skip_frame = "NONKEY"
            height, width = (size or stream.height), (size or stream.width)
            reformatter = VideoReformatter()  # one for all: frame.reformat would create a scaler for each frame
            pictures = np.empty((len(times), height, width, 3), np.uint8)
            count = 0
            # One at a time: frames of a hostile video may be larger than its header says.
            for picture, frame in zip(pictures, _frames_at(times, _timed_frames(container, stream)), strict=False):
                picture[...] = _pixels(reformatter.reformat(frame, width=width, height=height, format="rgb24"))
                count += 1
        if not count:
            raise MMABenchError(f"{self.key}: the video has no frame; build or download the dataset again")
        return pictures

    def audio(self, rate: int = AUDIO_RATE) -> "NDArray[np.float32]":
        """Decode the audio.

        Args:
            rate: samples per second to return.

        Returns:
            Array of shape [samples], float32, mono, range -1 to 1.

        Raises:
            MMABenchError: the audio cannot be decoded.
        """
        import av
        import numpy as np

        with self._open(self.audio_bytes, "flac") as container:
            stream = container.streams.audio[0]
            if stream.format and (stream.rate, stream.channels, stream.format.name) == (rate, 1, "s16"):
                # At the stored rate: without the resampler, it takes 6.5 ms per clip instead of 15.4.
                parts = (frame.to_ndarray().reshape(-1) for frame in container.decode(stream))
                samples = first_samples(parts, round(self.seconds * rate), np.int16)
                samples = samples.astype(np.float32) * np.float32(1 / 32768)
            else:
                resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
                resampled = _resampled(resampler, container.decode(stream))
                samples = first_samples(resampled, round(self.seconds * rate), np.float32)
        if not len(samples):
            raise MMABenchError(f"{self.key}: its flac stream cannot be read (it holds no audio); download it again")
        return samples

    def mp4(self) -> bytes:
        """Return one mp4 with both streams, H.264 and FLAC, copied without decoding.

        The same input gives the same bytes.
        """
        # A file, not a buffer: to move the index to the front, the muxer reopens its output by name.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "muxed.mp4"
            self._mux(path)
            return path.read_bytes()

    def _mux(self, path: Path) -> None:
        import av

        with (
            self._open(self.video_bytes, "mp4") as video,
            self._open(self.audio_bytes, "flac") as audio,
            av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}) as muxed,
        ):
            sources: list[tuple[InputContainer, VideoStream | AudioStream]] = [
                (video, video.streams.video[0]),
                (audio, audio.streams.audio[0]),
            ]
            copies = [muxed.add_stream_from_template(stream) for _, stream in sources]
            packets: list[tuple[float, int, Any]] = []
            for (container, stream), copy in zip(sources, copies, strict=True):
                for packet in container.demux(stream):
                    if packet.dts is None or packet.pts is None:
                        continue
                    start = float(packet.pts * packet.time_base)
                    if start < self.seconds - TIME_TOLERANCE:
                        packet.stream = copy
                        packets.append((float(packet.dts * packet.time_base), len(packets), packet))
            for _, _, packet in sorted(packets, key=lambda entry: entry[:2]):
                muxed.mux(packet)

    @contextmanager
    def _open(self, data: bytes, container_format: str) -> "Iterator[InputContainer]":
        """Open a stream; an error while it is decoded, inside the `with`, is one of the stream too."""
        import av

        try:
            with cast("InputContainer", av.open(io.BytesIO(data), format=container_format)) as container:
                yield container
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            raise MMABenchError(
                f"{self.key}: its {container_format} stream cannot be read ({error}); build or download it again"
            ) from error


def flac_bytes(samples: "NDArray[np.int16]") -> bytes:
    """Return audio as a FLAC file; the same samples give the same bytes.

    Args:
        samples: shape [samples], int16, mono, 16 kHz.
    """
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac", options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream("flac", rate=AUDIO_RATE, layout="mono", format="s16")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = AUDIO_RATE
        out.mux([*stream.encode(frame), *stream.encode(None)])
    return buffer.getvalue()


def read_flac(path: Path) -> "NDArray[np.int16]":
    """Return the samples of normalised audio.

    Returns:
        Shape [samples], int16, mono, 16 kHz.

    Raises:
        MMABenchError: the file is not normalised audio.
    """
    import av
    import numpy as np

    try:
        with av.open(str(path), format="flac") as container:
            parts = [frame.to_ndarray().reshape(-1) for frame in container.decode(container.streams.audio[0])]
            samples: NDArray[np.int16] = np.concatenate(parts)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise MMABenchError(f"{path} cannot be read ({error}); delete it and run the build again") from error
    return samples


def _pixels(frame: "av.VideoFrame") -> "NDArray[np.uint8]":
    """Return a view of an RGB frame, without the padding at the end of its lines."""
    import numpy as np

    plane = frame.planes[0]
    lines: NDArray[np.uint8] = np.frombuffer(cast("Any", plane), np.uint8).reshape(-1, plane.line_size)
    return lines[: frame.height, : 3 * frame.width].reshape(frame.height, frame.width, 3)


def first_samples(blocks: "Iterable[NDArray[Any]]", count: int, dtype: Any) -> "NDArray[Any]":
    """Return the first ``count`` samples of ``blocks``, each of shape [samples], without requesting later blocks.

    A FLAC file of a hundred kilobytes can contain ten hours of silence.
    """
    import numpy as np

    kept: list[NDArray[Any]] = []
    missing = count
    for block in blocks:
        kept.append(block[:missing])
        missing -= len(kept[-1])
        if missing <= 0:
            break
    return np.concatenate(kept).astype(dtype, copy=False) if kept else np.zeros(0, dtype)


def _resampled(resampler: "av.AudioResampler", frames: "Iterable[av.AudioFrame]") -> "Iterator[NDArray[np.float32]]":
    for frame in frames:
        frame.pts = None  # one stream from zero: let the resampler count
        yield from map(_samples, resampler.resample(frame))
    yield from map(_samples, resampler.resample(None))


def _samples(frame: "av.AudioFrame") -> "NDArray[np.float32]":
    return cast("NDArray[np.float32]", frame.to_ndarray().reshape(-1))


def sample_times(fps: float, seconds: float) -> list[float]:
    """Return the times, in seconds, of the frames that `Media.frames` gives for a stimulus of ``seconds``."""
    if not fps > 0:
        raise MMABenchError(f"fps must be above 0, got {fps}")
    count = max(1, int(Fraction(str(round(seconds - TIME_TOLERANCE, 3))) * Fraction(str(fps))) + 1)
    return [index / fps for index in range(count)]


def _timed_frames(container: "InputContainer", stream: "VideoStream") -> "Iterator[tuple[float, av.VideoFrame]]":
    for frame in container.decode(stream):
        yield float(frame.time or 0.0), frame


def _frames_at(times: list[float], frames: "Iterator[tuple[float, av.VideoFrame]]") -> "Iterator[av.VideoFrame]":
    """Yield for each time the first frame at or after it; beyond the end, the last frame is repeated."""
    last: av.VideoFrame | None = None
    wanted = iter(times)
    target = next(wanted, None)
    for moment, frame in frames:
        last = frame
        while target is not None and moment >= target - TIME_TOLERANCE:
            yield frame
            target = next(wanted, None)
        if target is None:
            return
    while last is not None and target is not None:
        yield last
        target = next(wanted, None)
