"""Classes that are near-synonyms, so that naming one for the other is not a clear lie: `near_synonyms.yaml`."""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mma_bench.parsing import label_key

_FILE = Path(__file__).with_name("near_synonyms.yaml")


@functools.cache
def near_synonyms() -> Mapping[frozenset[str], str]:
    """Return the pairs of published class names, each with the reason."""
    pairs: list[dict[str, Any]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {frozenset(pair["classes"]): pair["reason"] for pair in pairs}


@functools.cache
def _keys() -> frozenset[frozenset[tuple[str, ...]]]:
    return frozenset(frozenset(label_key(name) for name in pair) for pair in near_synonyms())


@functools.lru_cache(maxsize=65_536)
def are_near_synonyms(first: str | None, second: str | None) -> bool:
    """Return whether two classes are a pair of the list, however their names are spelled."""
    if first is None or second is None:
        return False
    return frozenset((label_key(first), label_key(second))) in _keys()


def without_near_synonyms(classes: Iterable[str], labels: Iterable[str | None]) -> list[str]:
    """Return ``classes`` without the near-synonyms of ``labels``, in their order."""
    known = [label for label in labels if label is not None]
    return [name for name in classes if not any(are_near_synonyms(name, label) for label in known)]


def near_synonym_groups(classes: Iterable[str]) -> dict[str, str]:
    """Return a name for each class that near-synonyms share, also by way of a third class."""
    names = list(classes)
    group = {name: name for name in names}
    for first in names:
        for second in names:
            if are_near_synonyms(first, second) and group[first] != group[second]:
                old, new = sorted((group[first], group[second]), reverse=True)
                group = {name: new if held == old else held for name, held in group.items()}
    return group
