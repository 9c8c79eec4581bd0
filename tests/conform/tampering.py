"""How servers misbehave: what they do to media, answers and counts without a word."""

import hashlib
import io
import random
import wave
from dataclasses import replace
from typing import Any

import numpy as np

from mma_bench.dataset.media import Media
from mma_bench.models.endpoint.prepare import _cut_video, _wav
from tests.conform.perceiver import QUESTION
from tests.models.endpoint_server import Received


def _samples(content: bytes) -> "np.ndarray[Any, np.dtype[np.int16]]":
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def drops_audio_next_to_video(media: Received) -> Received:
    """As servers that can only take one kind of media at a time."""
    return replace(media, sounds=[]) if media.videos or media.pictures else media


def cuts_audio(media: Received) -> Received:
    """Only the first five seconds are heard."""
    return replace(media, sounds=[_wav(_samples(sound)[: 5 * 16_000]) for sound in media.sounds])


def drops_frames(media: Received) -> Received:
    """Only the first five seconds are seen."""
    return replace(media, videos=[_cut_video(Media("cut", lambda v=v: v, lambda: b"", 5.0)) for v in media.videos])  # type: ignore[misc]


def ignores_images(media: Received) -> Received:
    """Images are dropped; videos are seen."""
    return replace(media, pictures=[])


def telephone(media: Received) -> Received:
    """Audio loses everything above 3.5 kHz, as if it had been resampled to 8 kHz."""
    found = []
    for sound in media.sounds:
        bins = np.fft.rfft(_samples(sound).astype(float))
        bins[np.fft.rfftfreq(len(_samples(sound)), 1 / 16_000) > 3_500] = 0
        found.append(_wav(np.rint(np.fft.irfft(bins, len(_samples(sound)))).clip(-32768, 32767).astype(np.int16)))
    return replace(media, sounds=found)


def at_random(prompt: str, text: str) -> str:
    """An option drawn anew for each request."""
    match = QUESTION.search(prompt)
    return random.choice(match[2].split(", ")) if match else text


def another_model(prompt: str, text: str) -> str:
    """The answer of a model that reads only the question."""
    match = QUESTION.search(prompt)
    options = match[2].split(", ") if match else [text]
    return options[int(hashlib.sha256(prompt.encode()).hexdigest(), 16) % len(options)]


def always_100(tokens: int) -> int:
    """A constant count."""
    return 100


def about(tokens: int) -> int:
    """A count that is a little different each time."""
    return tokens + random.randrange(5)
