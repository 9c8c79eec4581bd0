"""YAML and JSON that somebody else wrote: plain values, or a `ValueError` of one line, whatever the text is."""

import json
from typing import Any

import yaml

MAX_VALUES = 1_000_000
"""Bound for the values of a YAML document. Ten lines of anchors and aliases can stand for billions."""

MAX_DIGITS = 100
"""Bound for the text of a number. Those in base 60 (1:1:1...) take quadratic time, hexadecimal ones have no bound."""

_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})

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
    parser: yaml.SafeLoader | None = None
    try:
        parser = loader(text)
        # The nodes are counted before values are made of them: merge keys copy what they stand for.
        if (node := parser.get_single_node()) is None:
            return None
        _count(node, {}, set())
        value = parser.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(_line(f"{place}{error.problem or error.context}")) from error
    except (yaml.YAMLError, *_FAULTS) as error:
        raise ValueError(_reason(error)) from error
    finally:
        if parser is not None:
            parser.dispose()
    return value


def parse_json(content: str | bytes, *, unique_keys: bool = False) -> Any:
    """Return the value of a JSON document.

    Args:
        content: the document.
        unique_keys: refuse objects in which a key has two different values; otherwise the last one counts.

    Raises:
        ValueError: it is not one, or is nested too deeply. The message is one line.
    """
    try:
        return json.loads(content, object_pairs_hook=_unique if unique_keys else None)
    except (ValueError, RecursionError) as error:
        raise ValueError(_reason(error)) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if found.setdefault(key, value) != value:
            raise ValueError(f"the key {key!r:.80} has two values")
    return found


def _count(node: yaml.Node, known: dict[int, int], open_: set[int]) -> int:
    """Return how many values ``node`` stands for, with what each alias repeats counted each time."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag in _NUMBERS and len(node.value) > MAX_DIGITS:
            raise ValueError("a number has too many digits")
        return 1
    here = id(node)
    if here in known:
        return known[here]
    if here in open_:
        raise ValueError("an alias refers to a node that contains it")
    open_.add(here)
    inner = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
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
