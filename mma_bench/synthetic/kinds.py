"""The classes: how each looks, how it sounds, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.synthetic import looks, voices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Voice = Callable[["NDArray[np.float32]", float, np.random.Generator], "NDArray[np.float32]"]


@dataclass(frozen=True)
class Kind:
    """A class of objects.

    Attributes:
        look: draws it.
        voice: returns its audio, given the seconds since an event began, a factor on its frequencies, and a random
            generator: [samples], about -1 to 1, before loudness.
        hue: usual hue of its body, 0 (red) to 1; the hue of a clip is distributed around it.
        attack: time in which an event grows, seconds.
        hold: time from its beginning until it fades, seconds.
        decay: time in which it then falls to a third, seconds.
        pause: range of the pause between events, seconds.
    """

    look: looks.Look
    voice: "Voice"
    hue: float
    attack: float
    hold: float
    decay: float
    pause: tuple[float, float]


KINDS = {
    "Ball": Kind(looks.ball, voices.ball, 11 / 12, 0.005, 0.05, 0.06, (0.05, 0.25)),
    "Bell": Kind(looks.bell, voices.bell, 2 / 12, 0.005, 0.02, 0.16, (0.05, 0.3)),
    "Bird": Kind(looks.bird, voices.bird, 7 / 12, 0.01, 0.10, 0.03, (0.05, 0.25)),
    "Clock": Kind(looks.clock, voices.clock, 9 / 12, 0.002, 0.02, 0.02, (0.1, 0.3)),
    "Drum": Kind(looks.drum, voices.drum, 0 / 12, 0.004, 0.02, 0.06, (0.05, 0.25)),
    "Engine": Kind(looks.engine, voices.engine, 5 / 12, 0.04, 0.30, 0.05, (0.1, 0.3)),
    "Fire": Kind(looks.fire, voices.fire, 1 / 12, 0.03, 0.25, 0.06, (0.1, 0.3)),
    "Frog": Kind(looks.frog, voices.frog, 4 / 12, 0.01, 0.14, 0.03, (0.05, 0.3)),
    "Piano": Kind(looks.piano, voices.piano, 10 / 12, 0.005, 0.08, 0.12, (0.05, 0.25)),
    "Rain": Kind(looks.rain, voices.rain, 6 / 12, 0.05, 0.30, 0.07, (0.1, 0.3)),
    "Saw": Kind(looks.saw, voices.saw, 3 / 12, 0.03, 0.20, 0.04, (0.1, 0.25)),
    "Siren": Kind(looks.siren, voices.siren, 8 / 12, 0.03, 0.35, 0.05, (0.1, 0.3)),
}
"""The classes by name, in alphabetical order."""

CLASSES = tuple(KINDS)
