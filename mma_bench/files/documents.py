"""YAML and JSON that somebody else wrote: plain values, or a `ValueError` of one line, whatever the text is."""

import json
from typing import Any

import yaml

MAX_VALUES = 1_000_000
"""Bound for the values of a YAML document. Ten lines of anchors and aliases can stand for billions."""

_FAULTS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML raises besides its own errors: ValueError for 2024-99-99 and for numbers of 5,000 digits, KeyError for
`!!bool maybe`, AttributeError for `!!timestamp now`, RecursionError for 3,000 brackets; its subclasses raise TypeError
for keys such as `[a]`."""


def parse_yaml(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """Return the value of a YAML document.

    Args:
        text: the document.
        loader: a loader of plain values.

    Raises:
        ValueError: it is not one, is nested too deeply, or its aliases stand for too much. The message is one line.
    """
    try:
        value = yaml.load(text, Loader=loader)  # noqa: S506 - a SafeLoader
        _count(value, {}, set())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(_line(f"{place}{error.problem or error.context}")) from error
    except (yaml.YAMLError, *_FAULTS) as error:
        raise ValueError(_reason(error)) from error
    return value


def parse_json(content: str | bytes) -> Any:
    """Return the value of a JSON document.

    Raises:
        ValueError: it is not one, or is nested too deeply. The message is one line.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(_reason(error)) from error


def _count(value: Any, known: dict[int, int], open_: set[int]) -> int:
    """Return how many values ``value`` stands for, with what each alias repeats counted each time."""
    if not isinstance(value, dict | list | tuple | set):
        return 1
    here = id(value)
    if here in known:
        return known[here]
    if here in open_:
        raise ValueError("an alias refers to a node that contains it")
    open_.add(here)
    inner = [*value, *value.values()] if isinstance(value, dict) else list(value)
    known[here] = total = 1 + sum(_count(each, known, open_) for each in inner)
    open_.discard(here)
    if total > MAX_VALUES:
        raise ValueError(f"its aliases stand for more than {MAX_VALUES} values")
    return total


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = str(error)
    if isinstance(error, ValueError) and "integer string conversion" in text:
        return "a number has too many digits"
    return _line(
        text if isinstance(error, ValueError | yaml.YAMLError) else f"a value is not what its tag says ({text})"
    )


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
