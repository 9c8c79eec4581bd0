"""Sounds that should not change an answer about a picture or a text."""

from mma_bench.interference import sounds
from mma_bench.interference.interventions.registry import Change, Draw, Strength, intervention
from mma_bench.interference.items import Item

_LOUDNESS = "level, dB relative to full scale (root mean square)"


@intervention("sound", strength=Strength(_LOUDNESS, None, -80.0, 0.0))
def unrelated_sound(item: Item, draw: Draw) -> Change | None:
    """A sound of another class."""
    sound = draw.pool.sound(item, draw.generator)
    if sound is None:
        return None
    made = sound if draw.strength is None else sounds.levelled(sound, draw.strength)
    return Change(sound=made, suggested=item.option_named(sound.label))


@intervention("sound", draws=False)
def silence(item: Item, draw: Draw) -> Change:
    """Digital silence."""
    return Change(sound=sounds.silence())


@intervention("sound", strength=Strength(_LOUDNESS, -20.0, -80.0, 0.0))
def noise_sound(item: Item, draw: Draw) -> Change:
    """White noise."""
    return Change(sound=sounds.noise_sound(draw.seed, -20.0 if draw.strength is None else draw.strength))
