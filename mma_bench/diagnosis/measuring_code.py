"""Identifies the code that measures a user's part, so that what older code measured is not taken for the new one's."""

import functools
import json
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from mma_bench.diagnosis.registry import Part
from mma_bench.files.hashing import sha256_json

_SHOWS = ("numbers", "changes", "plots", "files", "condense", "help", "caution", "intervals")
"""What does not measure: after a change of these, nothing needs to be measured again."""


@functools.cache
def code_of(kind: type[Part]) -> str:
    """Return a word for the code and the columns of a part; nothing for our own, which raise `store.FORMAT`.

    Counted are the methods that measure and, of the same module, the functions, classes and constants that they use.
    """
    if kind.__module__.partition(".")[0] == "mma_bench":
        return ""
    found: dict[str, Any] = {"columns": [list(column) for column in kind.columns.items()]}
    _collect(kind.__name__, kind, kind.__module__, found)
    return sha256_json(found)[:12]


def _collect(name: str, value: Any, module: str, found: dict[str, Any]) -> None:
    """Add what identifies a value, and all that its code uses of the same module."""
    if name in found:
        return
    value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    if not isinstance(value, FunctionType | type):
        found[name] = _plain(value)
    elif value.__module__ == module:
        found[name] = None  # now, because it may use itself
        if isinstance(value, FunctionType):
            codes = list(_codes(value.__code__))
            found[name] = [_plain(value.__defaults__), *(_identity(code, value.__doc__) for code in codes)]
            for used in sorted({used for code in codes for used in code.co_names} & value.__globals__.keys()):
                _collect(used, value.__globals__[used], module, found)
        else:
            for base in value.__mro__:
                for member, one in _members(base) if base.__module__ == module else ():
                    _collect(f"{base.__name__}.{member}", one, module, found)


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    shows = _SHOWS if issubclass(kind, Part) else ()
    for name, value in sorted(vars(kind).items()):
        if name not in shows and (isinstance(value, FunctionType) or not name.startswith("_")):
            yield name, value


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code and that of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _identity(code: CodeType, doc: str | None) -> list[Any]:
    constants = [_plain(one) for one in code.co_consts if not isinstance(one, CodeType) and (doc is None or one != doc)]
    return [code.co_code.hex(), list(code.co_names), constants]


def _plain(value: Any) -> str:
    """Return a value as text that is the same in every process."""
    if isinstance(value, set | frozenset):
        return str(sorted(map(_plain, value)))
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        return repr(value) if isinstance(value, bytes | complex) else type(value).__name__
