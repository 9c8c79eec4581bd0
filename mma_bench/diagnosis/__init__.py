"""Why a model answers as it does, seen from inside: attention, interventions and hidden states by group of tokens."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mma_bench.diagnosis.numbers import Number, Series
    from mma_bench.diagnosis.reading import Prompt, Reading
    from mma_bench.diagnosis.registry import PARTS, Measured, Part, about, part
    from mma_bench.diagnosis.run import Found, diagnose
    from mma_bench.diagnosis.subject import Case, Subject
    from mma_bench.diagnosis.token_map import GROUPS, Group, TokenMap, map_tokens

_HOMES = {
    "numbers": ("Number", "Series"),
    "registry": ("PARTS", "Measured", "Part", "about", "part"),
    "reading": ("Prompt", "Reading"),
    "run": ("Found", "diagnose"),
    "subject": ("Case", "Subject"),
    "token_map": ("GROUPS", "Group", "TokenMap", "map_tokens"),
}

__all__ = [
    "GROUPS",
    "PARTS",
    "Case",
    "Found",
    "Group",
    "Measured",
    "Number",
    "Part",
    "Prompt",
    "Reading",
    "Series",
    "Subject",
    "TokenMap",
    "about",
    "diagnose",
    "map_tokens",
    "part",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"mma_bench.diagnosis.{home}"), name)
    raise AttributeError(f"module 'mma_bench.diagnosis' has no attribute {name!r}")
