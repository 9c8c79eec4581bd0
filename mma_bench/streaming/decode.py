"""Frames and samples of a planned sample; black frames and silence are made, not decoded."""

import functools
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mma_bench import prompts
from mma_bench.columns import AUDIO_RATE
from mma_bench.errors import MMABenchError
from mma_bench.media import Media, sample_times
from mma_bench.streaming.plan import Planned
from mma_bench.streaming.sample import StreamSample, labels_of, make_question
from mma_bench.streaming.shards import BadSampleError, ShardReader
from mma_bench.streaming.table import ShardTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Output = Literal["bytes", "arrays", "tensors", "messages"]
VIDEO, AUDIO, JSON = range(3)


@dataclass(frozen=True)
class Decoding:
    """What to make of the streams.

    Attributes:
        output: `bytes` leaves them as they are stored.
        fps: frames a second.
        size: height and width to scale to, none for the stored size.
        rate: samples of sound a second.
    """

    output: Output
    fps: float
    size: int | None
    rate: int = AUDIO_RATE


def make_sample(table: ShardTable, reader: ShardReader, planned: Planned, decoding: Decoding) -> StreamSample:
    """Read and decode a planned sample.

    Raises:
        BadSampleError: something that it is made of cannot be used.
    """
    choice = planned.choice
    question = make_question(table, planned, reader.read(choice.row, JSON))
    # Without a stream of one kind the other decides the length; a stimulus is as long as its shorter stream.
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

    choice = planned.choice
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
            video = media.frames(decoding.fps, size=decoding.size)
        if choice.audio is None:
            audio = np.zeros(round(seconds * decoding.rate), np.float32)
        else:
            audio = media.audio(decoding.rate)
    except BadSampleError:
        raise
    # IndexError: a container without the stream that it must have.
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
