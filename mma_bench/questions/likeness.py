"""Names that mean the same or nearly so: what one of them names is neither wrong nor unrelated to the other."""

import functools
import re

from mma_bench.questions.near_synonyms import are_near_synonyms

_WORD = re.compile(r"(?<!\w)-?\d+(?:[.,]\d+)*|[^\W_]+")
_IRREGULAR = {"men": "man", "women": "woman", "people": "person", "children": "child", "mice": "mouse",
              "geese": "goose", "feet": "foot", "teeth": "tooth", "oxen": "ox"}  # fmt: skip


@functools.lru_cache(maxsize=65_536)
def reads_alike(first: str, second: str) -> bool:
    """Return whether two names cannot be told apart well enough for one to be a lie about the other.

    They are equal but for case, punctuation and plurals; one contains the other word by word (`Train` and
    `Train_horn`); or they are near-synonyms of `mma_bench/questions/near_synonyms.yaml` (`Applause` and `Clapping`).
    """
    if are_near_synonyms(first, second):
        return True
    short, long = sorted((_words(first), _words(second)), key=len)
    if not short:
        return first.strip().casefold() == second.strip().casefold()
    return any(
        all(map(_same_word, short, long[place : place + len(short)])) for place in range(len(long) - len(short) + 1)
    )


def _words(name: str) -> list[str]:
    return _WORD.findall(name.casefold())


def _same_word(first: str, second: str) -> bool:
    one, other = (_IRREGULAR.get(word, word) for word in (first, second))
    return one == other or one in _plurals(other) or other in _plurals(one)


def _plurals(word: str) -> tuple[str, ...]:
    """Return what the plural of an English word can be."""
    found: tuple[str, ...] = (f"{word}s", f"{word}es")
    if word.endswith("y"):
        found += (f"{word[:-1]}ies",)
    if word.endswith(("f", "fe")):
        found += (f"{word.rstrip('e')[:-1]}ves",)
    return found
