"""`+solo`: the stream that is not asked about is withheld.

A question about the visual content is asked with silence instead of the audio, one about the audio with black frames
instead of the video. These are the streams of the conditions `audio_removed` and `frames_zeroed`, so the accuracy is
what routing each question to the right stream would give, without any change to the model. It needs to know which
modality a question is about, which a benchmark tells and a user's question does not.

A caption that lies stays in the prompt. Questions that do not concern one modality and requests for captions get
both streams.
"""

import functools
import io
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from mma_bench.dataset.black_frames import write_black
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import flac_bytes
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes
from mma_bench.models.interface import Model
from mma_bench.models.wrappers.rewriting import Rewriting
from mma_bench.models.wrappers.wrapper import wrapper
from mma_bench.schema import Modality, Stream


@wrapper
class Solo(Rewriting):
    """+solo: the stream that is not asked about is withheld."""

    suffix = "solo"
    changes_media = True

    def __init__(self, model: Model, **settings: float) -> None:
        super().__init__(model, **settings)
        self.sorts_by_streams = False  # the parts of one stimulus do not follow each other

    def media(self, sample: Sample, modality: Modality) -> Sample:
        """Return ``sample`` with black frames or silence in the modality that is not asked about."""
        return without(sample, Modality.AUDIO if modality is Modality.VISUAL else Modality.VISUAL)


def without(sample: Sample, modality: Modality) -> Sample:
    """Return ``sample`` with black frames or silence of the same length in ``modality``."""
    stimulus, media = sample.stimulus, sample.media
    if modality is Modality.AUDIO:
        silence = silent_audio(round(stimulus.audio.seconds * AUDIO_RATE))
        audio = _stream("silence", silence, stimulus.audio.seconds)
        return replace(
            sample,
            stimulus=stimulus.changed(audio=audio),
            media=replace(media, read_audio=lambda: silence),
        )
    black = black_video(*_form(media.key, media.video_bytes), stimulus.video.seconds)
    return replace(
        sample,
        stimulus=stimulus.changed(video=_stream("black", black, stimulus.video.seconds)),
        media=replace(media, read_video=lambda: black),
    )


@functools.lru_cache(maxsize=64)
def silent_audio(samples: int) -> bytes:
    """Return digital silence as FLAC, mono, 16 kHz."""
    import numpy as np

    return flac_bytes(np.zeros(samples, np.int16))


@functools.lru_cache(maxsize=64)
def black_video(rate: Fraction, size: tuple[int, int], seconds: float) -> bytes:
    """Return black frames as mp4, like the builder's.

    Args:
        rate: frames per second.
        size: width and height, pixels.
        seconds: length.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "black.mp4"
        write_black(path, rate=rate, frames=max(1, round(seconds * rate)), size=size)
        return path.read_bytes()


def _form(key: str, video: bytes) -> tuple[Fraction, tuple[int, int]]:
    """Return frames per second, and width and height, of a video."""
    import av

    try:
        with av.open(io.BytesIO(video), format="mp4") as container:
            stream = container.streams.video[0]
            rate = Fraction(stream.average_rate or 25).limit_denominator(1001)
            return rate, (stream.width, stream.height)
    except (av.error.FFmpegError, IndexError) as error:
        raise MMABenchError(f"{key}: its video cannot be read ({error}); build or download it again") from error


def _stream(origin: str, content: bytes, seconds: float) -> Stream:
    return Stream.model_validate(
        {"origin": origin, "clip_id": None, "label": None, "sha256": sha256_bytes(content), "seconds": seconds}
    )
