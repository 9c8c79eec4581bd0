"""Frames and audio of a planned sample; black frames and silence are generated, not decoded."""

import functools
import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import Media, sample_times
from mma_bench.errors import MMABenchError
from mma_bench.questions import prompts
from mma_bench.schema import MEMBERS
from mma_bench.streaming.plan import Planned
from mma_bench.streaming.sample import StreamSample, labels_of, make_question
from mma_bench.streaming.shards import BadSampleError, ShardReader
from mma_bench.streaming.table import ShardTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Output = Literal["bytes", "arrays", "tensors", "messages"]
AUDIO, JSON, VIDEO = (MEMBERS.index(name) for name in ("flac", "json", "mp4"))


class DecodedCache:
    """The most recently decoded streams, up to a number of megabytes; callers must not modify them."""

    def __init__(self, megabytes: int) -> None:
        self._limit = megabytes * 2**20
        self._entries: OrderedDict[tuple[object, ...], NDArray[Any]] = OrderedDict()
        self._size = 0

    def get(self, content: bytes, how: tuple[object, ...], decode: "Callable[[], NDArray[Any]]") -> "NDArray[Any]":
        """Return ``content`` decoded in the way that ``how`` names."""
        key = hashlib.sha256(content).digest(), *how
        if key in self._entries:
            self._entries.move_to_end(key)
            return self._entries[key]
        decoded = self._entries[key] = decode()
        self._size += decoded.nbytes
        while self._size > self._limit:
            self._size -= self._entries.popitem(last=False)[1].nbytes
        return decoded


@dataclass(frozen=True)
class Decoding:
    """How to decode the streams.

    Attributes:
        output: `bytes` leaves them as stored.
        fps: frames per second.
        size: height and width to scale to, none for the stored size.
        rate: audio samples per second.
        cache: where to keep decoded streams, none to decode them each time.
    """

    output: Output
    fps: float
    size: int | None
    rate: int = AUDIO_RATE
    cache: "DecodedCache | None" = None


def make_sample(table: ShardTable, reader: ShardReader, planned: Planned, decoding: Decoding) -> StreamSample:
    """Read and decode a planned sample.

    Raises:
        BadSampleError: one of its members cannot be used.
    """
    choice = planned.choice
    question = make_question(table, planned, reader.read(choice.row, JSON))
    # If one stream is missing, the other determines the length; a stimulus is as long as its shorter stream.
    lengths = [
        float(table.seconds[row, stream])
        for row, stream in ((choice.video, VIDEO), (choice.audio, AUDIO))
        if row is not None
    ]
    seconds = min(lengths)
    video_label, audio_label = labels_of(table, planned)
    make = _undecoded if decoding.output == "bytes" else _decoded
    video, audio = make(table, reader, planned, decoding, seconds)
    return StreamSample(
        key=table.key(choice.row),
        question=question,
        target=prompts.target(question.modality, question.answer, answerable=question.answerable),
        seconds=seconds,
        video_label=video_label,
        audio_label=audio_label,
        video_key=None if choice.video is None else table.key(choice.video),
        audio_key=None if choice.audio is None else table.key(choice.audio),
        video=video,
        audio=audio,
    )


def _undecoded(
    table: ShardTable, reader: ShardReader, planned: Planned, decoding: Decoding, seconds: float
) -> tuple[bytes | None, bytes | None]:
    choice = planned.choice
    video = None if choice.video is None else reader.read(choice.video, VIDEO)
    return video, None if choice.audio is None else reader.read(choice.audio, AUDIO)


def _decoded(
    table: ShardTable, reader: ShardReader, planned: Planned, decoding: Decoding, seconds: float
) -> "tuple[NDArray[np.uint8], NDArray[np.float32]]":
    import av
    import numpy as np

    choice, cache = planned.choice, decoding.cache
    media = Media(
        key=table.key(choice.row),
        read_video=functools.partial(reader.read, choice.row if choice.video is None else choice.video, VIDEO),
        read_audio=functools.partial(reader.read, choice.row if choice.audio is None else choice.audio, AUDIO),
        seconds=seconds,
    )
    try:
        if choice.video is None:
            size = decoding.size or _height(media.video_bytes)
            video = np.zeros((len(sample_times(decoding.fps, seconds)), size, size, 3), np.uint8)
        else:
            decode = functools.partial(media.frames, decoding.fps, size=decoding.size)
            how = "video", decoding.fps, decoding.size, seconds
            video = cache.get(media.video_bytes, how, decode) if cache else decode()
        if choice.audio is None:
            audio = np.zeros(round(seconds * decoding.rate), np.float32)
        else:
            hear = functools.partial(media.audio, decoding.rate)
            audio = cache.get(media.audio_bytes, ("audio", decoding.rate, seconds), hear) if cache else hear()
    except BadSampleError:
        raise
    # IndexError: a container without the required stream.
    except (av.error.FFmpegError, MMABenchError, ValueError, IndexError) as error:
        raise BadSampleError(
            "undecodable", f"{media.key} cannot be decoded: {error}; build or download it again"
        ) from error
    return video, audio


def _height(content: bytes) -> int:
    """Return the height, which is the width as well, of a stored video."""
    import av

    with av.open(io.BytesIO(content), format="mp4") as container:
        return int(container.streams.video[0].height)
