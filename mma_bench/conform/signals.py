"""Procedural pictures and sounds of the fixed questions, in variations that do not change what they are.

Those of the reach probe, and more of the same kind. Everything follows from a name and the number of a variation.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.probe import signals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PICTURES = tuple(name for name in signals.PICTURE_NAMES if name != "Black_screen")
SOUNDS = tuple(name for name in signals.SOUND_NAMES if name != "Silence")
"""What is seen or heard; the empty ones are for controls."""

VARIATIONS = 4
_GAINS = (1.0, 0.8, 0.6, 0.9)
_SPEEDS = (1.0, 1.06, 0.95, 1.12)

_QUIET_PEAK = 9_000
"""Of 32768: peak of noise that is limited to a band."""


def picture(name: str, frame: int, variation: int = 0) -> "NDArray[np.uint8]":
    """Return a frame, shape [SIZE, SIZE, 3], uint8, RGB: darker or mirrored in other variations than 0."""
    import numpy as np

    shown = signals.picture(name, frame)
    if variation % 2:
        shown = shown[:, ::-1]
    changed: NDArray[np.uint8] = np.rint(shown * _GAINS[variation]).astype(np.uint8)
    return changed


def sound(name: str, seconds: float, variation: int = 0) -> "NDArray[np.int16]":
    """Return audio, shape [samples], int16, mono, 16 kHz: softer or faster in other variations than 0."""
    import numpy as np

    speed, gain = _SPEEDS[variation], _GAINS[variation]
    long = signals.sound(name, seconds * speed).astype(np.float64)
    places = np.arange(round(seconds * AUDIO_RATE)) * speed
    changed: NDArray[np.int16] = np.rint(gain * np.interp(places, np.arange(len(long)), long)).astype(np.int16)
    return changed


def band(low: float, high: float, seconds: float) -> "NDArray[np.int16]":
    """Return noise with frequencies from ``low`` to ``high``, Hz, that swells once per second; see `sound`.

    It swells smoothly: an abrupt start has a click at all frequencies.
    """
    import numpy as np

    count = round(seconds * AUDIO_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(3).normal(size=count))
    frequencies = np.fft.rfftfreq(count, 1 / AUDIO_RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    wave = np.fft.irfft(spectrum, count) * np.sin(np.pi * np.arange(count) / AUDIO_RATE) ** 2
    samples: NDArray[np.int16] = np.rint(wave * (_QUIET_PEAK / np.abs(wave).max())).astype(np.int16)
    return samples


def stripes(width: int) -> "Callable[[int], NDArray[np.uint8]]":
    """Return frames of black and white stripes, each ``width`` pixels wide; 0 for a plain grey of the same mean."""
    import numpy as np

    columns = np.arange(signals.SIZE)
    level = np.full(signals.SIZE, 127) if not width else np.where(columns // width % 2 == 0, 4, 250)
    shown = np.tile(level[None, :, None], (signals.SIZE, 1, 3)).astype(np.uint8)
    return lambda frame: shown
