"""The audio of a scene: its events, faint sounds off the beat, noise and the echo of a room."""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.signal import oaconvolve

from mma_bench.dataset.columns import AUDIO_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mma_bench.synthetic.scene import Scene


def play(scene: "Scene") -> "NDArray[np.float32]":
    """Return the audio of a scene.

    Returns:
        Array of shape [samples], float32, mono, 16 kHz, range -1 to 1.
    """
    random = scene.generator("sound")
    length = len(scene.activity)
    dry = np.zeros(length, np.float32)
    for event in scene.events:
        envelope = scene.envelope(event)
        times = _join(np.arange(len(envelope)) / AUDIO_RATE)
        voice = scene.kind.voice(times, scene.pitch, random)
        dry[length - len(envelope) :] += _join(envelope * voice)
    wet = _echo(dry, random)
    loudness = max(float(np.sqrt(np.mean(np.square(wet)))), 1e-4)
    beside = _taps(length, random) * loudness * random.uniform(0, 0.7)
    noise = random.standard_normal(length, dtype=np.float32) * loudness * 10 ** (-random.uniform(14, 34) / 20)
    mixed = wet + beside + noise
    return _join(mixed * (random.uniform(0.15, 0.9) / np.abs(mixed).max()))


def _echo(dry: "NDArray[np.float32]", random: np.random.Generator) -> "NDArray[np.float32]":
    """Add the echo of a room, whose length and strength are drawn."""
    decay, strength = random.uniform(0.02, 0.1), random.uniform(0, 0.6)
    length = round(3 * decay * AUDIO_RATE)
    fading = np.exp(-np.arange(length, dtype=np.float32) / np.float32(decay * AUDIO_RATE))
    room = random.standard_normal(length, dtype=np.float32) * fading
    room *= np.float32(strength) / np.sqrt(np.sum(np.square(room)))
    room[0] = 1
    return _join(oaconvolve(dry, room)[: len(dry)])


def _taps(length: int, random: np.random.Generator) -> "NDArray[np.float32]":
    """Return faint knocks at moments that are unrelated to the video."""
    found = np.zeros(length, np.float32)
    for start in random.integers(0, length, int(random.poisson(2 * length / AUDIO_RATE))):
        times = np.arange(min(800, length - start)) / AUDIO_RATE
        found[start : start + len(times)] += np.sin(2 * np.pi * random.uniform(300, 900) * times) * np.exp(
            -times / 0.01
        )
    return found


def _join(samples: "NDArray[Any]") -> "NDArray[np.float32]":
    return np.asarray(samples, np.float32)
