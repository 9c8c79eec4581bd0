"""Which parts are measured, and in which order."""

from collections.abc import Sequence

from mma_bench.diagnosis.parts import load_parts
from mma_bench.diagnosis.registry import PARTS, Part


def chosen_parts(names: Sequence[str] | None) -> list[type[Part]]:
    """Return the parts called ``names`` (by default all) and those that they read, in the order of measuring.

    Raises:
        MMABenchError: there is no such part.
    """
    load_parts()
    chosen: dict[str, type[Part]] = {}

    def add(name: str) -> None:
        kind = PARTS.find(name)
        for needed in kind.reads:
            add(needed)
        chosen.setdefault(name, kind)

    for name in names or list(PARTS):
        add(name)
    return list(chosen.values())


def left_out(kinds: Sequence[type[Part]]) -> dict[str, str]:
    """Return why parts cannot be measured of a model whose media are prepared by its own processor, by name.

    Args:
        kinds: parts, each after those that it reads.
    """
    found: dict[str, str] = {}
    for kind in kinds:
        if kind.own_layout:
            found[kind.name] = "needs media that this project encodes itself"
        elif lacking := [name for name in kind.reads if name in found]:
            found[kind.name] = f"reads {lacking[0]}"
    return found


def installed(names: Sequence[str]) -> list[str]:
    """Return those of ``names`` that are names of parts, in the order in which a page shows them."""
    load_parts()
    return [name for name in PARTS.names() if name in names]
