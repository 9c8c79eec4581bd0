"""The audio of the further classes; see `voices`."""

from typing import TYPE_CHECKING

import numpy as np

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.synthetic.voices import TURN, join, noise, tone

if TYPE_CHECKING:
    from mma_bench.synthetic.voices import Samples


def bee(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A steady buzz that trembles."""
    tremble = np.sin(TURN * np.float32(random.uniform(8, 12)) * times)
    return tone(times, pitch * (210 + 14 * tremble), (0.4, 1, 0.9, 0.8, 0.7, 0.5))


def boat(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A ship's horn: two low tones."""
    low = tone(times, np.full_like(times, pitch * 98), (1, 0.8, 0.5))
    return join(0.6 * low + 0.6 * tone(times, np.full_like(times, pitch * 123), (1, 0.8, 0.5)))


def camera(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Two clicks of a shutter, a fifteenth of a second apart."""
    second = np.maximum(times - 0.065, 0)
    clicks = np.exp(-times / 0.004) + (times > 0.065) * np.exp(-second / 0.006)
    return join(2.2 * noise(times, random) * clicks)


def car(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A car horn: a bright third."""
    high = tone(times, np.full_like(times, pitch * 500), (1, 0.8, 0.7, 0.5))
    return join(0.6 * tone(times, np.full_like(times, pitch * 400), (1, 0.8, 0.7, 0.5)) + 0.6 * high)


def cat(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A meow: a tone with strong overtones that rises and falls."""
    height = 520 + 420 * np.sin(np.float32(np.pi) * np.minimum(times / 0.35, 1))
    return tone(times, pitch * height, (0.5, 1, 0.6, 0.3))


def cow(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A moo: a low tone that falls slowly."""
    return tone(times, pitch * (170 - 90 * np.minimum(times / 0.5, 1)), (1, 0.9, 0.4, 0.2))


def dog(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A bark: a rough tone that falls quickly."""
    voice = tone(times, pitch * (260 + 420 * np.exp(-times / 0.035)), (1, 0.8, 0.6, 0.4))
    return join(0.8 * voice + 0.5 * noise(times, random) * np.exp(-times / 0.05))


def door(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A creak: pulses whose rate rises."""
    phase = np.cumsum(pitch * (28 + 60 * times)) / AUDIO_RATE
    pulses = np.exp(-(phase % 1) / 0.06)
    return join(1.2 * pulses * np.sin(TURN * (pitch * 880) * times))


def duck(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A quack: a nasal buzz with a formant."""
    phase = (times * (pitch * np.float32(random.uniform(150, 175)))) % 1
    return join(1.3 * np.sin(TURN * (pitch * 1150) * times) * np.exp(-phase / 0.35) * (1 - phase))


def fan(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Low noise, chopped by the blades."""
    soft = np.convolve(noise(times, random), np.ones(40, np.float32) / 6)[: len(times)]
    return join(soft * (1 + np.sin(TURN * (pitch * 22) * times)))


def flute(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A breathy, pure tone with vibrato."""
    height = pitch * 880 * (1 + 0.012 * np.sin(TURN * np.float32(5.5) * times))
    return join(tone(times, height, (1, 0.12)) + 0.12 * noise(times, random))


def guitar(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A strummed chord: four plucked strings, one after the other."""
    chord = np.zeros_like(times)
    for number, ratio in enumerate((1, 1.5, 2, 2.52)):
        late = np.maximum(times - 0.018 * number, 0)
        string = tone(late, np.full_like(times, pitch * 147 * ratio), (1, 0.7, 0.6, 0.4, 0.3))
        chord += 0.4 * string * (times >= 0.018 * number) * np.exp(-late / 0.25)
    return chord


def hammer(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A blow on metal: high partials that die at once, and a thud."""
    ring = np.sum([np.sin(TURN * (pitch * height) * times) for height in (2750, 4130, 5480)], axis=0)
    thud = np.sin(TURN * (pitch * 140) * times) * np.exp(-times / 0.02)
    return join(0.35 * ring * np.exp(-times / 0.03) + 0.8 * thud)


def horse(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Hooves: three hollow knocks in a quick rhythm."""
    found = np.zeros_like(times)
    for start, height in ((0.0, 700), (0.085, 560), (0.15, 800)):
        late = np.maximum(times - start, 0)
        found += np.sin(TURN * (pitch * height) * late) * np.exp(-late / 0.012) * (times >= start)
    return join(found)


def kettle(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A whistle that rises, with hissing steam."""
    height = pitch * (2300 + 500 * np.minimum(times / 0.4, 1))
    return join(0.8 * tone(times, height, (1,)) + 0.5 * np.diff(noise(times, random), prepend=np.float32(0)))


def owl(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A hoot: a low, soft, pure tone."""
    return tone(times, pitch * (360 + 40 * np.sin(np.float32(np.pi) * np.minimum(times / 0.3, 1))), (1,))


def phone(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A ring: two bells that are struck 22 times a second in turn."""
    strike = np.sin(TURN * np.float32(22) * times) > 0
    first, second = (np.sin(TURN * (pitch * height) * times) for height in (1350, 1690))
    return join(0.9 * np.where(strike, first, second) * (1 - (times * 44) % 1 * 0.6))


def robot(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """Beeps: a square tone that jumps between random steps 14 times a second."""
    steps = random.integers(0, 4, 64)[np.minimum((times * 14).astype(int), 63)]
    return join(0.5 * np.sign(tone(times, pitch * 420 * 2 ** (steps / 3), (1,))))


def snake(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A hiss: only the highest frequencies, swelling slowly."""
    high = np.diff(noise(times, random), n=3, prepend=np.zeros(3, np.float32))
    return join(0.5 * high * np.minimum(times / 0.15, 1))


def trumpet(times: "Samples", pitch: float, random: np.random.Generator) -> "Samples":
    """A brassy note: many strong harmonics, brighter after its start."""
    note = np.full_like(times, pitch * 440)
    dark, bright = (tone(times, note, parts) for parts in ((1, 0.4, 0.1), (0.6, 0.8, 1, 0.9, 0.7, 0.5)))
    share = np.minimum(times / 0.06, 1)
    return join(dark * (1 - share) + bright * share)
