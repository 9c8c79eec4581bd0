"""Splits a video into the streams for a model: a silent copy of the video, and its audio as 16 kHz FLAC."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import CONTAINERS, MAX_PIXELS, Media, first_samples, flac_bytes
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.schema import Stimulus, Stream

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.filter import Graph
    from numpy.typing import NDArray

SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi")
_COPIED = ("h264", "hevc", "av1", "vp9", "mpeg4")  # what an mp4 holds and PyAV's own FFmpeg decodes
_LONGEST_SECONDS = 600
_SPLIT = 1
"""Version of the splitting; part of every stream's hash."""


@dataclass(frozen=True)
class Video:
    """A video file that can be asked about.

    Attributes:
        video_id: name of the file without its suffix.
        path: the file.
        sha256: of the file.
        seconds: length of its video stream.
    """

    video_id: str
    path: Path
    sha256: str
    seconds: float

    def sample(self) -> Sample:
        """Return the video as a stimulus without questions; it is split when it is read."""
        key = f"avhbench_{self.video_id}"
        media = Media(
            key=key,
            read_video=lambda: silent_video(self.path),
            read_audio=lambda: flac_bytes(_samples(self.path)),
            seconds=self.seconds,
            regular_keys=False,
        )
        stimulus = Stimulus(
            key=key,
            condition="avhbench",
            split="test",
            video=self._stream("video"),
            audio=self._stream("audio"),
            seconds=self.seconds,
            questions=[],
        )
        return Sample(stimulus, [], media)

    def _stream(self, kind: str) -> Stream:
        # Named by the file's hash: splitting 2,136 videos only to name their streams would take minutes.
        name = sha256_json([_SPLIT, kind, self.sha256])
        return Stream(origin="clip", clip_id=self.video_id, label=None, sha256=name, seconds=self.seconds)


def find_videos(folder: Path, video_ids: Iterable[str]) -> tuple[dict[str, Video], dict[str, str]]:
    """Return the videos in ``folder`` by id, and the reason for each one that is missing or unusable."""
    if not folder.is_dir():
        raise MMABenchError(f"{folder} is not a folder; give the folder of AVHBench's videos as --videos")
    found: dict[str, Video] = {}
    problems: dict[str, str] = {}
    for video_id in video_ids:
        files = [path for suffix in SUFFIXES if (path := folder / f"{video_id}{suffix}").is_file()]
        if len(files) == 1:
            try:
                found[video_id] = Video(video_id, files[0], sha256_file(files[0]), _seconds(files[0]))
            except MMABenchError as error:
                problems[video_id] = str(error)
        else:
            problems[video_id] = "several files" if files else "missing"
    return found, problems


@contextmanager
def _open(path: Path) -> "Iterator[InputContainer]":
    import av

    try:
        with av.open(f"file:{path}", options={"format_whitelist": CONTAINERS}) as container:
            yield container
    except (av.error.FFmpegError, ValueError) as error:
        raise MMABenchError(f"{path.name} cannot be read: {getattr(error, 'strerror', error)}") from error


def _seconds(path: Path) -> float:
    """Return the length of a video after checking its header."""
    with _open(path) as container:
        if not container.streams.video or not container.streams.audio:
            raise MMABenchError(f"{path.name} has no {'audio stream' if container.streams.video else 'video stream'}")
        video = container.streams.video[0]
        if video.codec_context.name not in _COPIED and video.codec_context.codec.canonical_name not in _COPIED:
            raise MMABenchError(
                f"{path.name} is {video.codec_context.name}, which is not copied into an mp4; "
                "convert it to H.264 (ffmpeg -i IN -c:v libx264 -crf 18 -c:a copy OUT.mp4)"
            )
        if video.width * video.height > MAX_PIXELS:
            raise MMABenchError(f"{path.name} has {video.width}x{video.height} pixels a frame")
        length = video.duration * video.time_base if video.duration and video.time_base else None
        seconds = float(length) if length else (container.duration or 0) / 1_000_000
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise MMABenchError(f"{path.name} lasts {seconds:.1f} s; up to {_LONGEST_SECONDS} s are taken")
    return round(seconds, 6)


def silent_video(path: Path) -> bytes:
    """Return only the video stream of ``path`` as an mp4, copied packet by packet.

    Raises:
        MMABenchError: it cannot be read.
    """
    import av

    # A file, not a buffer: to move the index to the front, the muxer reopens its output by name.
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "silent.mp4"
        flags = {"fflags": "+bitexact", "movflags": "+faststart"}
        with _open(path) as source, av.open(str(target), "w", format="mp4", options=flags) as out:
            stream = source.streams.video[0]
            copy = out.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    out.mux(packet)
        return target.read_bytes()


def _samples(path: Path) -> "NDArray[np.int16]":
    """Return the audio of ``path``, mono at 16 kHz; audio that starts after the video begins with silence.

    Returns:
        Array of shape [samples], int16.

    Raises:
        MMABenchError: it cannot be read.
    """
    import numpy as np

    with _open(path) as container:
        stream = container.streams.audio[0]
        graph = _resampling(stream)

        def blocks() -> "Iterator[NDArray[np.int16]]":
            for frame in container.decode(stream):
                graph.push(frame)
                yield from _pulled(graph)
            graph.push(None)
            yield from _pulled(graph)

        return first_samples(blocks(), round(_LONGEST_SECONDS * AUDIO_RATE), np.int16)


def _resampling(stream: "AudioStream") -> "Graph":
    import av.filter

    graph = av.filter.Graph()
    # The builder's own filter: gaps and a late start become silence, so that audio and video stay synchronous.
    chain = [
        graph.add_abuffer(template=stream),
        graph.add("aresample", f"{AUDIO_RATE}:async=1:first_pts=0"),
        graph.add("aformat", f"sample_fmts=s16:channel_layouts=mono:sample_rates={AUDIO_RATE}"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*chain).configure()
    return graph


def _pulled(graph: "Graph") -> "Iterator[NDArray[np.int16]]":
    import av

    while True:
        try:
            frame = cast("AudioFrame", graph.pull())
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield cast("NDArray[np.int16]", frame.to_ndarray().reshape(-1))
