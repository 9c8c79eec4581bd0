"""In which order the page and `tables.md` show tables and figures. What is not named here comes last."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

FIGURES = (
    "competence",
    "conditions",
    "follows",
    "reliance",
    "doses",
    "detection",
    "class_drops",
    "confusion",
    "calibration",
    "abstention_curve",
)

TABLES = (
    "competence",
    "changes",
    "reliance",
    "joint",
    "shortcuts",
    "people",
    "abstention",
    "sensitivity",
    "transcripts",
    "position",
    "doses",
    "detection",
    "calibration",
    "layouts",
    "usage",
)

TAKEN = {
    "figure": (
        *FIGURES,
        "answer",
        "accuracy",
        "average",
        "figures",
        "published",
        "scores",
        "reproduce",
        "definitions",
        "examples",
        "browser",
    ),
    "table": (*TABLES, "accuracy_micro", "accuracy_macro", "published"),
}
"""Names that nobody else's figure or table may have: ours, and places in the page."""

TABLE_OF_FIGURE = {
    "competence": "competence",
    "conditions": "changes",
    "reliance": "reliance",
    "calibration": "calibration",
    "doses": "doses",
    "detection": "detection",
}
"""Which table is below which figure."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def in_order(things: Iterable[T | None], names: Sequence[str]) -> list[T]:
    """Return what there is of ``things`` in the order of ``names``, then the rest as it was."""
    place = {name: number for number, name in enumerate(names)}
    return sorted((thing for thing in things if thing is not None), key=lambda thing: place.get(thing.name, len(names)))
