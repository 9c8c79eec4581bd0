"""Pictures that should not change an answer about a sound or a text."""

from mma_bench.interference import pictures
from mma_bench.interference.interventions.registry import Change, Draw, Strength, intervention
from mma_bench.interference.items import Item


@intervention("picture")
def unrelated_picture(item: Item, draw: Draw) -> Change | None:
    """A picture, or the video of a clip, of another class."""
    picture = draw.pool.picture(item, draw.generator)
    if picture is None:
        return None
    return Change(picture=picture, suggested=item.option_named(picture.label))


@intervention("picture", strength=Strength("contrast, 0 to 1", 1.0, 0.0, 1.0))
def noise(item: Item, draw: Draw) -> Change:
    """A picture of random colours."""
    return Change(picture=pictures.noise(draw.seed, 1.0 if draw.strength is None else draw.strength))


@intervention("picture", draws=False)
def black(item: Item, draw: Draw) -> Change:
    """A black picture."""
    return Change(picture=pictures.plain(0))


@intervention("picture", draws=False)
def white(item: Item, draw: Draw) -> Change:
    """A white picture."""
    return Change(picture=pictures.plain(255))
