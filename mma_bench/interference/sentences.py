"""Our pool of sentences that have nothing to do with a question."""

import functools
import random
import re
from collections.abc import Iterable
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("sentences.yaml")
_WORD = re.compile(r"[a-z]{3,}")


@functools.cache
def pool() -> dict[str, dict[bool, list[str]]]:
    """Return the sentences by theme, and by whether they are true."""
    found: dict[str, dict[bool, list[str]]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found


def sentences(*, true: bool) -> list[str]:
    """Return all true or all false sentences, theme after theme."""
    return [sentence for theme in pool().values() for sentence in theme[true]]


def draw(generator: random.Random, count: int, options: Iterable[str], *, true: bool) -> str | None:
    """Return ``count`` different sentences joined by spaces, none of which has a word of an option.

    Returns:
        The text; None if fewer sentences are left.
    """
    taken = {word for option in options for word in words_of(option)}
    free = [one for one in sentences(true=true) if taken.isdisjoint(words_of(one))]
    return " ".join(generator.sample(free, count)) if len(free) >= count else None


def words_of(text: str) -> set[str]:
    """Return the words of a text or of the name of a class, without the ends of plurals."""
    return {_stem(word) for word in _WORD.findall(text.casefold().replace("_", " "))}


def _stem(word: str) -> str:
    """Return a word without the end of its plural."""
    return word.removesuffix("es") if word.endswith(("ches", "shes", "xes")) else word.removesuffix("s")
