"""Decoded audio, placed in time and mixed to mono."""

from pathlib import Path
from typing import TYPE_CHECKING

import av

from builder.stage import Dropped
from mma_bench.dataset.columns import AUDIO_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_JITTER_SECONDS = 0.02
"""Blocks whose time stamps are this close to the end of the previous one follow it: time stamps are rounded."""

_CANCELLED = 0.25
"""Below this share of the louder channel's amplitude, a mix has lost it: in phase, it keeps at least half."""


def place(path: Path, *, start: float, seconds: float) -> "NDArray[np.int16]":
    """Read decoded audio and place each block according to its time stamp; gaps become silence.

    Args:
        path: a NUT file of 16-bit samples at 16 kHz, as written by `transcode`.
        start: time stamp, in seconds, at which the segment begins.
        seconds: length of the segment.

    Returns:
        Shape [samples, channels], int16, from the segment's start to the last decoded sample.

    Raises:
        Dropped: the segment has no audio.
    """
    import numpy as np

    try:
        with av.open(str(path), format="nut") as container:
            stream = container.streams.audio[0]
            channels = stream.channels
            placed = np.zeros((round(seconds * AUDIO_RATE), channels), np.int16)
            heard, last = 0, None
            for frame in container.decode(stream):
                block = frame.to_ndarray().reshape(-1, channels)
                position = round((float(frame.time or 0.0) - start) * AUDIO_RATE)
                if last is not None and abs(position - last) <= _JITTER_SECONDS * AUDIO_RATE:
                    position = last
                last = position + len(block)
                first, end = max(position, 0), min(last, len(placed))
                if first < end:
                    placed[first:end] = block[first - position : end - position]
                    heard = max(heard, end)
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise Dropped("zero_length", "the segment contains no audio") from error
    if not heard:
        raise Dropped("zero_length", "the segment contains no audio")
    return placed[:heard]


def mono(samples: "NDArray[np.int16]") -> "NDArray[np.int16]":
    """Mix to one channel: the mean, or the louder channel if the mean cancels it out.

    Args:
        samples: shape [samples, channels], int16.

    Returns:
        Shape [samples], int16.
    """
    import numpy as np

    if samples.shape[1] == 1:
        return samples[:, 0].copy()
    exact = samples.astype(np.float64)
    mixed = exact.mean(axis=1)
    power = (exact**2).mean(axis=0)
    louder = int(power.argmax())
    if np.sqrt((mixed**2).mean()) < _CANCELLED * np.sqrt(power[louder]):
        return samples[:, louder].copy()
    found: NDArray[np.int16] = np.clip(np.round(mixed), -32768, 32767).astype(np.int16)
    return found
