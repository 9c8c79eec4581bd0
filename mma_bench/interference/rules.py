"""Which interventions are made, how strong, and which a model cannot be given."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mma_bench.errors import MMABenchError
from mma_bench.interference.interventions import INTERVENTIONS, Intervention
from mma_bench.interference.items import Channel
from mma_bench.interference.protocol import Protocol
from mma_bench.schema import Modality

NEEDS: dict[Channel, Modality | None] = {"text": None, "picture": Modality.VISUAL, "sound": Modality.AUDIO}
"""What a model must take to be given a channel."""


@dataclass(frozen=True)
class Rule:
    """An intervention at a strength.

    Attributes:
        label: NAME, or NAME:STRENGTH if that was asked for.
        intervention: what is done.
        strength: how strong; none for interventions without one.
    """

    label: str
    intervention: Intervention
    strength: float | None

    @property
    def is_default(self) -> bool:
        """Whether the strength is the usual one."""
        usual = self.intervention.strength
        return usual is None or self.strength == usual.default


def rules_of(protocol: Protocol) -> list[Rule]:
    """Return the interventions of a protocol.

    Raises:
        MMABenchError: one does not exist, or a strength is not a number in its range.
    """
    if protocol.interventions != "all":
        return [_rule(text) for text in dict.fromkeys(protocol.interventions)]
    return sorted(
        (_rule(name) for name in INTERVENTIONS), key=lambda rule: list(NEEDS).index(rule.intervention.changes)
    )


def split_by_reach(rules: Sequence[Rule], modalities: Collection[Modality]) -> tuple[list[Rule], list[Rule]]:
    """Return the rules whose channel reaches a model that takes ``modalities``, and the others."""
    reach = [(rule, NEEDS[rule.intervention.changes] in (None, *modalities)) for rule in rules]
    return [rule for rule, reaches in reach if reaches], [rule for rule, reaches in reach if not reaches]


def _rule(text: str) -> Rule:
    name, separator, number = text.partition(":")
    found = INTERVENTIONS.find(name)
    if not separator:
        return Rule(name, found, found.strength.default if found.strength else None)
    if found.strength is None:
        raise MMABenchError(f"the intervention {name} has no strength; write {name} without {separator}{number}")
    try:
        strength = float(number)
    except ValueError:
        strength = math.nan
    if not found.strength.low <= strength <= found.strength.high:
        raise MMABenchError(
            f"the intervention {text}: its strength is a {found.strength.what}, from {found.strength.low:g} to "
            f"{found.strength.high:g}, such as {name}:{found.strength.high:g}"
        )
    return Rule(f"{name}:{strength:g}", found, strength)
