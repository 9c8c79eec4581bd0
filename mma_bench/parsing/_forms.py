"""Other forms of the published class names: "coins dropping" for Coin_dropping, from `class_forms.yaml`."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from mma_bench.parsing._normalise import clean, split

_FILE = Path(__file__).with_name("class_forms.yaml")
_DETERMINERS = ("", "a", "an", "the", "some", "of", "of the", "of a", "several", "his", "her", "their", "up")
_ADJECTIVES = ("kitchen", "wooden", "metal", "small", "large", "old", "open", "desk", "orange", "gold", "silver", "car")
_SLOTS = {
    "~": _DETERMINERS,
    "+": (*_DETERMINERS, *(f"{the} {adjective}".strip() for the in _DETERMINERS for adjective in _ADJECTIVES)),
    "%": ("", "is", "are", "being", "is being", "are being"),
}


@dataclass(frozen=True, slots=True)
class Forms:
    """Forms of one class, as tuples of words.

    Attributes:
        inside: forms that count wherever they are.
        alone: forms that count only as a whole answer, line or statement.
    """

    inside: tuple[tuple[str, ...], ...]
    alone: tuple[tuple[str, ...], ...]


@cache
def class_forms() -> dict[tuple[str, ...], Forms]:
    """Return the forms of each published class by the words of its name."""
    content: dict[str, dict[str, list[str]]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        tuple(split(clean(name)).words): Forms(
            tuple(form for phrase in kinds.get("inside", ()) for form in _expand(phrase)),
            tuple(form for phrase in kinds.get("alone", ()) for form in _expand(phrase)),
        )
        for name, kinds in content.items()
    }


def _expand(phrase: str) -> Iterator[tuple[str, ...]]:
    """Yield the phrases of a pattern such as "drop/dropping ~ coin/coins", split into words."""
    places = [_SLOTS.get(part, tuple(part.split("/"))) for part in phrase.split()]
    for chosen in itertools.product(*places):
        yield tuple(split(" ".join(part for part in chosen if part)).words)
