"""A voice of a user's, for tests where espeak-ng is not installed."""

import numpy as np
from numpy.typing import NDArray

from builder.voices import VOICES, Voice


class Beeps(Voice):
    """A beep for each letter, 0.05 s each."""

    name = "beeps-of-a-test"

    def version(self) -> str:
        return "beeps 1"

    def speak(self, text: str) -> NDArray[np.int16]:
        times = np.arange(800) / 16_000
        beeps = [np.sin(2 * np.pi * (200 + 20 * (ord(letter) - 32)) * times) for letter in text]
        return np.rint(8000 * np.concatenate(beeps)).astype(np.int16)


VOICES.add(Beeps.name, Beeps)
