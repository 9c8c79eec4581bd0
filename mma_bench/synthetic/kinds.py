"""The classes: how each looks, how it sounds, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.synthetic import looks, more_looks, more_voices, voices

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
"""The classes of the tiny model by name, in alphabetical order."""

MORE_KINDS = {
    "Bee": Kind(more_looks.bee, more_voices.bee, 0.14, 0.03, 0.30, 0.05, (0.1, 0.3)),
    "Boat": Kind(more_looks.boat, more_voices.boat, 0.58, 0.04, 0.30, 0.06, (0.1, 0.3)),
    "Camera": Kind(more_looks.camera, more_voices.camera, 0.86, 0.002, 0.10, 0.02, (0.1, 0.3)),
    "Car": Kind(more_looks.car, more_voices.car, 0.98, 0.01, 0.18, 0.03, (0.05, 0.25)),
    "Cat": Kind(more_looks.cat, more_voices.cat, 0.08, 0.03, 0.28, 0.06, (0.1, 0.3)),
    "Cow": Kind(more_looks.cow, more_voices.cow, 0.91, 0.04, 0.35, 0.08, (0.1, 0.25)),
    "Dog": Kind(more_looks.dog, more_voices.dog, 0.06, 0.005, 0.07, 0.04, (0.05, 0.25)),
    "Door": Kind(more_looks.door, more_voices.door, 0.10, 0.02, 0.30, 0.05, (0.1, 0.3)),
    "Duck": Kind(more_looks.duck, more_voices.duck, 0.19, 0.01, 0.10, 0.03, (0.05, 0.25)),
    "Fan": Kind(more_looks.fan, more_voices.fan, 0.52, 0.04, 0.35, 0.06, (0.1, 0.25)),
    "Flute": Kind(more_looks.flute, more_voices.flute, 0.80, 0.02, 0.25, 0.05, (0.05, 0.2)),
    "Guitar": Kind(more_looks.guitar, more_voices.guitar, 0.04, 0.005, 0.12, 0.18, (0.05, 0.2)),
    "Hammer": Kind(more_looks.hammer, more_voices.hammer, 0.64, 0.002, 0.02, 0.05, (0.1, 0.3)),
    "Horse": Kind(more_looks.horse, more_voices.horse, 0.95, 0.002, 0.19, 0.02, (0.05, 0.2)),
    "Kettle": Kind(more_looks.kettle, more_voices.kettle, 0.70, 0.05, 0.32, 0.06, (0.1, 0.25)),
    "Owl": Kind(more_looks.owl, more_voices.owl, 0.76, 0.04, 0.22, 0.06, (0.05, 0.25)),
    "Phone": Kind(more_looks.phone, more_voices.phone, 0.47, 0.005, 0.25, 0.04, (0.1, 0.3)),
    "Robot": Kind(more_looks.robot, more_voices.robot, 0.54, 0.005, 0.25, 0.03, (0.05, 0.25)),
    "Snake": Kind(more_looks.snake, more_voices.snake, 0.30, 0.06, 0.30, 0.07, (0.1, 0.25)),
    "Trumpet": Kind(more_looks.trumpet, more_voices.trumpet, 0.16, 0.02, 0.22, 0.04, (0.05, 0.2)),
}
"""Further classes, for models that can tell more than twelve apart."""

ALL_KINDS = dict(sorted((KINDS | MORE_KINDS).items()))
"""Every class by name, in alphabetical order."""

CLASSES = tuple(KINDS)
WIDE_CLASSES = tuple(ALL_KINDS)
