"""The audio of each class.

Every voice takes the seconds since an event began (float32, [samples], from 0), a factor on its frequencies, and a
random generator, and returns values of about -1 to 1; the loudness over time is applied elsewhere.
"""

from typing import TYPE_CHECKING, cast

import numpy as np

from mma_bench.dataset.columns import AUDIO_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

TURN = np.float32(2 * np.pi)


def ball(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A boing: a tone that climbs quickly."""
    return tone(times, pitch * 260 * (1 + 9 * times), (1, 0.3))


def bell(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Partials that are not multiples of each other."""
    partials = [np.sin(TURN * (pitch * 620 * ratio) * times) for ratio in (1, 1.51, 2.0, 2.74, 3.76)]
    return join(0.35 * np.sum(partials, axis=0))


def bird(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Chirps: a high tone that swings up and down."""
    swing = np.sin(TURN * np.float32(random.uniform(16, 26)) * times)
    return tone(times, pitch * (3400 + 900 * swing), (1,))


def clock(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A dry tick of wood."""
    ring = np.sin(TURN * (pitch * 2100) * times) * np.exp(-times / 0.006)
    return join(ring + 0.6 * noise(times, random) * np.exp(-times / 0.003))


def drum(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A low thump that falls in pitch, and the slap of the skin."""
    thump = tone(times, pitch * (75 + 110 * np.exp(-times / 0.03)), (1,))
    return join(thump + 0.3 * noise(times, random) * np.exp(-times / 0.01))


def engine(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A low buzz with many harmonics."""
    phase = (times * (pitch * np.float32(random.uniform(55, 75)))) % 1
    return join(1 - 2 * phase + 0.2 * noise(times, random))


def fire(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Crackling: clicks at random moments over a soft hiss."""
    clicks = np.where(random.random(len(times)) < 70 / AUDIO_RATE, random.uniform(-1, 1, len(times)), 0)
    shape = np.exp(-np.arange(48) / 10).astype(np.float32)
    return join(1.4 * np.convolve(clicks, shape)[: len(times)] + 0.04 * noise(times, random))


def frog(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A croak: a nasal tone in fast pulses."""
    pulses = np.maximum(np.sin(TURN * np.float32(random.uniform(28, 40)) * times), 0)
    return join(tone(times, np.full_like(times, pitch * 330), (0.5, 1, 0.8, 0.5)) * pulses)


def piano(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A note: harmonics, each softer than the one below."""
    note = pitch * 330 * 2 ** (int(random.integers(0, 5)) / 12)
    return tone(times, np.full_like(times, note), (1, 0.5, 0.3, 0.15))


def rain(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Hiss: noise with more of its high frequencies."""
    return join(0.5 * np.diff(noise(times, random), prepend=np.float32(0)))


def saw(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Scraping: noise in a band, stronger with each stroke."""
    carrier = np.sin(TURN * (pitch * 1300) * times)
    rough = np.convolve(noise(times, random), np.ones(12, np.float32) / 4)[: len(times)]
    return join(carrier * rough * np.abs(np.sin(TURN * 6 * times)))


def siren(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A wail: a tone that rises and falls slowly."""
    phase = np.float32(random.uniform(0, 2 * np.pi))
    return tone(times, pitch * (950 + 350 * np.sin(TURN * 3 * times + phase)), (1, 0, 0.3))


def tone(times: "Samples", frequency: "NDArray[np.floating]", harmonics: tuple[float, ...]) -> "Samples":
    """Return a tone of changing frequency, [samples] in Hz, with harmonics of the given strengths."""
    phase = TURN * np.cumsum(frequency) / AUDIO_RATE
    parts = [strength * np.sin(number * phase) for number, strength in enumerate(harmonics, 1) if strength]
    return join(np.sum(parts, axis=0) / max(1.0, sum(harmonics) / 1.5))


def noise(times: "Samples", random: np.random.Generator) -> "Samples":
    """Return white noise."""
    return random.standard_normal(len(times), dtype=np.float32) * np.float32(0.4)


def join(samples: "NDArray[np.floating]") -> "Samples":
    """Return ``samples`` as float32."""
    return cast("Samples", samples.astype(np.float32))
