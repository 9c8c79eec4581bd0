"""Settings from a YAML file and from `--set NAME=VALUE`, checked, with the first wrong one named in one line.

A wrong setting is blamed on where it was written: on the file only if the file alone has the same fault.
"""

import types
import typing
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_yaml
from mma_bench.suggestions import did_you_mean, unknown

_Settings = TypeVar("_Settings", bound=BaseModel)
_SCALAR = (str, int, float, bool, type(None))


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
        first = _errors(error)[0]
        culprit = next(number for number, state in enumerate(states) if _identity(first) in _faults(model, state))
        source = f"--set {overrides[culprit - 1]}" if culprit else where
        place, problem = explain(first, model)
        raise MMABenchError(f"{source}: {f'{place}: ' if place else ''}{problem}") from error


def validated(model: type[_Settings], content: Any, where: str) -> _Settings:
    """Return ``content`` as a ``model``.

    Raises:
        MMABenchError: a setting is unknown or wrong; the first is named, with ``where`` before it.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise MMABenchError(f"{where}: {first_error(error, model)}") from error


def first_error(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Return the first fault of ``error`` as `PLACE: PROBLEM`.

    Args:
        error: what pydantic found.
        model: what was checked; with it, the setting that was probably meant is named.
    """
    place, problem = explain(_errors(error)[0], model)
    return f"{place}: {problem}" if place else problem


def explain(first: Mapping[str, Any], model: type[BaseModel] | None = None) -> tuple[str, str]:
    """Return the place and the problem of one fault.

    Args:
        first: an entry of `ValidationError.errors`.
        model: what was checked.
    """
    names, parent = _walk(model, first["loc"])
    place, context = ".".join(names), first.get("ctx", {})
    kind, problem = first["type"], str(first["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        known = list(parent.model_fields) if parent else []
        problem = f"there is no such setting{did_you_mean(names[-1], known)}"
        if known and "did you mean" not in problem:
            problem += f"; there are {', '.join(known)}"
    elif kind == "missing":
        problem = "this setting is required"
    elif kind in ("literal_error", "enum"):
        known = [part.strip("' ") for part in str(context["expected"]).replace(" or ", ", ").split(",")]
        problem = unknown("unknown value", str(first["input"]), known)
    elif kind == "union_tag_invalid":
        known = [part.strip("' ") for part in str(context["expected_tags"]).split(",")]
        place, problem = f"{place}.{_tag(context)}", unknown("unknown value", str(context["tag"]), known)
    elif kind == "union_tag_not_found":
        place, problem = f"{place}.{_tag(context)}", "this setting is required"
    return place, problem


def _tag(context: Mapping[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


def _errors(error: ValidationError) -> list[Any]:
    """Return the faults, unknown names first: a misspelled one also leaves the right one missing."""
    found = error.errors(include_url=False)
    return sorted(found, key=lambda fault: fault["type"] != "extra_forbidden")


def _identity(fault: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what makes two faults the same. Of a whole section the content may differ and the fault be the same."""
    given = fault["input"]
    return fault["loc"], fault["type"], fault["msg"], repr(given) if isinstance(given, _SCALAR) else None


def _faults(model: type[BaseModel], content: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    try:
        model.model_validate(content)
    except ValidationError as error:
        return {_identity(fault) for fault in _errors(error)}
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


def _walk(model: Any, location: Sequence[int | str]) -> tuple[list[str], type[BaseModel] | None]:
    """Return the names of a place as a file has them, and the model in which its last name is a setting.

    pydantic puts the tag of a union between the names of a place; no file has it.
    """
    names: list[str] = []
    parent: type[BaseModel] | None = None
    here = model
    for part in location:
        models = [each for each in _members(here) if isinstance(each, type) and issubclass(each, BaseModel)]
        tagged = [each for each in models if part in _tags(each)] if len(models) > 1 else []
        if tagged:
            here = tagged[0]
            continue
        names.append(str(part))
        parent = models[0] if models else None
        field = parent.model_fields.get(str(part)) if parent else None
        here = field.annotation if field else _inner(here)
    return names, parent


def _members(annotation: Any) -> list[Any]:
    """Return the types of a union, or the one type."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [member for each in typing.get_args(annotation) for member in _members(each)]
    return [annotation]


def _tags(model: type[BaseModel]) -> set[Any]:
    """Return the values of the literal fields of a model, which tell it from others of a union."""
    return {
        value
        for field in model.model_fields.values()
        if typing.get_origin(field.annotation) is typing.Literal
        for value in typing.get_args(field.annotation)
    }


def _inner(annotation: Any) -> Any:
    """Return the type of the items of a list, a tuple or a mapping."""
    for member in _members(annotation):
        arguments = [each for each in typing.get_args(member) if each is not Ellipsis]
        if arguments and typing.get_origin(member) is not typing.Literal:
            return arguments[-1]
    return None
