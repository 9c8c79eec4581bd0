"""An intervention as one function: what it makes of an item, apart from what the question is about.

A package names its own in an entry point of the group `mma_bench.interventions`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from mma_bench.errors import MMABenchError
from mma_bench.interference.items import Channel, Item, Media
from mma_bench.interference.pool import Pool
from mma_bench.registry import Registry, one_line


@dataclass(frozen=True)
class Strength:
    """How strong an intervention is.

    Attributes:
        what: what the number is, with its unit.
        default: used if no number is given; none leaves it as it is.
        low: least.
        high: most.
    """

    what: str
    default: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Draw:
    """What an intervention may draw on.

    Attributes:
        generator: starts with the same seed for the same item and draw.
        seed: names this draw of this item.
        strength: as asked for, or the default; none without one.
        pool: unrelated pictures and sounds.
    """

    generator: random.Random
    seed: str
    strength: float | None
    pool: Pool

    @property
    def count(self) -> int:
        """The strength as a whole number."""
        return round(self.strength or 0)


@dataclass(frozen=True)
class Change:
    """What an intervention makes of an item; what is left out stays as it is.

    Attributes:
        before: text to put before the question.
        caption: sentence about the media, before the question.
        picture: what is shown instead.
        sound: what is heard instead.
        suggested: wrong option that the change suggests, if it does.
    """

    before: str = ""
    caption: str = ""
    picture: Media | None = None
    sound: Media | None = None
    suggested: str | None = None


Function = Callable[[Item, Draw], Change | None]
"""Returns the change, or none where there is nothing to change it to."""


@dataclass(frozen=True)
class Intervention:
    """An intervention.

    Attributes:
        name: of its function.
        changes: the channel that it changes; only items for which that should not matter get it.
        strength: what its number means; none if it has none.
        draws: whether it differs from draw to draw.
        function: makes the change.
    """

    name: str
    changes: Channel
    strength: Strength | None
    draws: bool
    function: Function

    def apply(self, item: Item, draw: Draw) -> Change | None:
        """Return the change of ``item``.

        Raises:
            MMABenchError: the function is a user's and fails, suggests the right option or one that is not there, or
                changes another channel.
        """
        try:
            change = self.function(item, draw)
            if change is not None:
                _check(self, item, change)
        except MMABenchError:
            raise
        except Exception as error:
            if self.function.__module__.startswith(f"{__package__}."):
                raise
            raise MMABenchError(
                f"the intervention {self.name} failed for {item.item_id}: {one_line(error)}; correct the function"
            ) from error
        return change


INTERVENTIONS: Registry[Intervention] = Registry("intervention", "interventions")
"""All interventions by name."""


def intervention(
    changes: Channel, *, strength: Strength | None = None, draws: bool = True
) -> Callable[[Function], Function]:
    """Register a function as the intervention of its name, described by the first line of its docstring.

    Args:
        changes: the channel that it changes.
        strength: what its number means.
        draws: whether it differs from draw to draw.
    """

    def register(function: Function) -> Function:
        name = function.__name__
        INTERVENTIONS.add(name, Intervention(name, changes, strength, draws, function), function)
        return function

    return register


def _check(one: Intervention, item: Item, change: Change) -> None:
    if not isinstance(change, Change):
        raise TypeError(f"it returned {type(change).__name__}, not a Change")
    made: dict[Channel, bool] = {
        "text": bool(change.before or change.caption),
        "picture": change.picture is not None,
        "sound": change.sound is not None,
    }
    if wrong := [channel for channel, changed in made.items() if changed and channel != one.changes]:
        raise ValueError(f"it is registered to change the {one.changes}, and changed the {wrong[0]}")
    if change.suggested is not None and (change.suggested == item.answer or change.suggested not in item.options):
        raise ValueError(f"it suggests {change.suggested!r}, which is no wrong option of the question")
