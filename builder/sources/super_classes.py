"""Super-classes of the classes of a source."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from mma_bench.errors import MMABenchError

_OF_AUDIOSET = Path(__file__).parents[1] / "rules" / "super_classes.yaml"


def audioset_super_classes(classes: Sequence[str]) -> dict[str, str]:
    """Return the top level of AudioSet's ontology for those of ``classes`` that the builder's list knows."""
    known = by_class(yaml.safe_load(_OF_AUDIOSET.read_text(encoding="utf-8")), _OF_AUDIOSET.name)
    return {name: known[name] for name in classes if name in known}


def by_class(groups: Mapping[str, Sequence[str]], where: str) -> dict[str, str]:
    """Return the super-class of each class, given the classes of each super-class.

    Raises:
        MMABenchError: a class is in two of them.
    """
    found: dict[str, str] = {}
    for group, names in groups.items():
        for name in names:
            if name in found:
                raise MMABenchError(f"{where}: {name!r} is listed under {found[name]!r} and {group!r}; remove one")
            found[name] = group
    return found


def check_super_classes(classes: Sequence[str], super_classes: Mapping[str, str], needed_by: str) -> None:
    """Raise MMABenchError unless each class has a super-class, which the setting ``needed_by`` needs."""
    if missing := [name for name in classes if name not in super_classes]:
        raise MMABenchError(
            f"{needed_by} needs a super-class for every class, and {missing[0]!r} has none; the folder source takes "
            "them as source.super_classes (docs/build.md)"
        )
