"""Settings from a YAML file and from `--set NAME=VALUE`, checked, with the first wrong one named in one line.

A wrong setting is blamed on where it was written: on the file only if the file alone has the same fault.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_yaml
from mma_bench.files.faults import first_fault, identity, sorted_errors

_Settings = TypeVar("_Settings", bound=BaseModel)


def read_settings(
    model: type[_Settings], path: Path, overrides: Sequence[str] = (), *, example: str, override: str
) -> _Settings:
    """Read a configuration and apply overrides.

    Args:
        model: what the file holds.
        path: YAML file.
        overrides: arguments of `--set`, such as `train.steps=20`; values are YAML.
        example: a file to compare with, for messages.
        override: an argument of `--set` that is right, for messages.

    Raises:
        MMABenchError: the file cannot be read, or a setting is unknown or wrong.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise MMABenchError(f"cannot read the configuration {path}: {reason[:200]}") from error
    if not isinstance(content, dict):
        raise MMABenchError(f"{path}: a configuration is a YAML mapping, such as {example}")
    return apply_overrides(model, content, overrides, where=str(path), override=override)


def apply_overrides(
    model: type[_Settings], content: Mapping[str, Any], overrides: Sequence[str], *, where: str, override: str
) -> _Settings:
    """Return ``content`` with ``overrides`` as a ``model``.

    Args:
        model: what the settings are.
        content: settings by name.
        overrides: arguments of `--set`.
        where: where ``content`` comes from, for messages.
        override: an argument of `--set` that is right, for messages.

    Raises:
        MMABenchError: a setting is unknown or wrong.
    """
    states = [dict(content)]
    for argument in overrides:
        states.append(_with(states[-1], argument, override))
    try:
        return model.model_validate(states[-1])
    except ValidationError as error:
        first = identity(sorted_errors(error)[0])
        culprit = next(number for number, state in enumerate(states) if first in _faults(model, state))
        source = f"--set {overrides[culprit - 1]}" if culprit else where
        raise MMABenchError(f"{source}: {first_fault(error, model)}") from error


def validated(model: type[_Settings], content: Any, where: str) -> _Settings:
    """Return ``content`` as a ``model``.

    Raises:
        MMABenchError: a setting is unknown or wrong; the first is named, with ``where`` before it.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise MMABenchError(f"{where}: {first_fault(error, model)}") from error


def _faults(model: type[BaseModel], content: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    try:
        model.model_validate(content)
    except ValidationError as error:
        return {identity(fault) for fault in sorted_errors(error)}
    return set()


def _with(content: Mapping[str, Any], argument: str, example: str) -> dict[str, Any]:
    """Return ``content`` changed by an argument of `--set`."""
    name, separator, text = argument.partition("=")
    *sections, last = name.split(".")
    if not separator or not all((*sections, last)):
        raise MMABenchError(f"--set {argument}: write it as NAME=VALUE, such as --set {example}")
    changed = deepcopy(dict(content))
    target = changed
    for section in sections:
        inner = target.get(section)
        target[section] = inner = {} if inner is None else inner
        if not isinstance(inner, dict):
            raise MMABenchError(f"--set {argument}: {section} is a value, not a group of settings")
        target = inner
    try:
        target[last] = parse_yaml(text)
    except ValueError as error:
        raise MMABenchError(f"--set {argument}: the value is not valid YAML; quote it") from error
    return changed
