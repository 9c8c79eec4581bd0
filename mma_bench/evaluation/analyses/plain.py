"""Rows of an analysis in Python's own values, as `scores.json` holds them."""

import copy
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from mma_bench.errors import MMABenchError


def plain(value: Any, where: str = "") -> Any:
    """Return ``value`` with Python numbers in place of numpy's; what needs no change is returned itself.

    Args:
        value: a dataclass, text, number, list, tuple or mapping of such.
        where: names it in the error.

    Raises:
        MMABenchError: JSON cannot hold it.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, bool | int | float) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return _plain_fields(value, where)
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        parts = {key: plain(part, f"{where}[{key!r}]") for key, part in value.items()}
        return value if all(parts[key] is value[key] for key in parts) else parts
    if isinstance(value, list | tuple):
        made = [plain(part, f"{where}[{number}]") for number, part in enumerate(value)]
        if all(new is old for new, old in zip(made, value, strict=True)):
            return value
        return tuple(made) if isinstance(value, tuple) else made
    raise MMABenchError(
        f"{where} is a {type(value).__name__} that JSON cannot hold; use text, numbers, lists, dictionaries with keys "
        "of text, and dataclasses"
    )


def _plain_fields(row: Any, where: str) -> Any:
    before = {field.name: getattr(row, field.name) for field in fields(row)}
    after = {name: plain(value, f"{where}.{name}" if where else name) for name, value in before.items()}
    changed = {name: value for name, value in after.items() if value is not before[name]}
    if not changed:
        return row
    made = copy.copy(row)
    for name, value in changed.items():
        object.__setattr__(made, name, value)  # it may be frozen, and its fields need not be arguments
    return made
