"""What happens in a procedural clip: when it sounds and moves, where it is, and its colours.

Everything is determined by a class and a seed. Video and audio are both made from one curve, the activity, so that
something visible moves exactly when there is a sound.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.errors import MMABenchError
from mma_bench.synthetic.kinds import ALL_KINDS, Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS = 1.0
"""Default length of a clip."""

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Event:
    """One time that the object sounds and moves.

    Attributes:
        start: seconds.
        strength: 0 to 1.
    """

    start: float
    strength: float


@dataclass(frozen=True)
class Scene:
    """A clip before it is drawn and played.

    Attributes:
        name: class.
        seed: seed of everything random in it.
        seconds: length.
        events: in the order of their starts; at least one.
        pitch: factor on all frequencies of the class.
        slowness: factor on all lengths of an event.
        kind: how the class looks and sounds.
    """

    name: str
    seed: int
    seconds: float
    events: tuple[Event, ...]
    pitch: float
    slowness: float
    kind: Kind = field(repr=False)

    def generator(self, purpose: str) -> np.random.Generator:
        """Return a separate random generator for each purpose, so that drawing does not affect the audio."""
        return _generator(self.name, self.seed, purpose)

    def envelope(self, event: Event) -> "NDArray[np.float32]":
        """Return the loudness of an event from its start to the end of the clip: [samples], 0 to its strength."""
        kind, slow = self.kind, self.slowness
        times = np.arange(round((self.seconds - event.start) * AUDIO_RATE), dtype=np.float32) / AUDIO_RATE
        rise = np.minimum(times / (kind.attack * slow), 1)
        fall = np.exp(-np.maximum(times - kind.hold * slow, 0) / (kind.decay * slow))
        return (event.strength * rise * fall).astype(np.float32)

    @cached_property
    def activity(self) -> "NDArray[np.float32]":
        """How much the object sounds and moves: [samples] at 16 kHz, 0 to 1."""
        found = np.zeros(round(self.seconds * AUDIO_RATE), np.float32)
        for event in self.events:
            envelope = self.envelope(event)
            tail = found[len(found) - len(envelope) :]
            np.maximum(tail, envelope, out=tail)
        return found


def make_scene(name: str, seed: int, *, seconds: float = SECONDS) -> Scene:
    """Return the scene of a class and a seed.

    Args:
        name: one of `WIDE_CLASSES`.
        seed: not negative; every seed gives a different clip.
        seconds: length.

    Raises:
        MMABenchError: the class, seed or length is invalid.
    """
    if name not in ALL_KINDS:
        raise MMABenchError(f"there is no procedural class {name!r}; there are {', '.join(ALL_KINDS)}")
    if seed < 0 or not 0.5 <= seconds <= 60:
        raise MMABenchError(f"procedural clips have a seed from 0 and 0.5 to 60 seconds, not {seed} and {seconds}")
    kind = ALL_KINDS[name]
    random = _generator(name, seed, "events")
    slowness = float(random.uniform(0.8, 1.25))
    gap = slowness * (kind.hold + 3 * kind.decay) + float(random.uniform(*kind.pause))
    start, events = float(random.uniform(0.03, 0.25)), []
    while start < seconds - 0.05:
        events.append(Event(start, float(random.uniform(0.7, 1.0))))
        start += gap * float(random.uniform(0.85, 1.15))
    return Scene(name, seed, seconds, tuple(events), float(2 ** random.uniform(-0.5, 0.5)), slowness, kind)


def clip_seed(split: str, number: int) -> int:
    """Return the seed of a clip: no seed is in both splits."""
    if split not in SPLITS:
        raise MMABenchError(f"procedural clips have the splits {' and '.join(SPLITS)}, not {split!r}")
    return number * len(SPLITS) + SPLITS.index(split)


def _generator(name: str, seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, *f"{purpose}/{name}".encode()])
