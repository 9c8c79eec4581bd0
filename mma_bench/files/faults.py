"""What pydantic found wrong with settings or data, its first fault in words."""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from mma_bench.errors import did_you_mean, unknown

_SCALAR = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        place: names of fields and numbers of items that lead to it, joined by dots; empty for the whole.
        problem: what is wrong, and what was probably meant. It may repeat the value that was given.
        message: what is wrong in pydantic's or our own words, which do not repeat the value.
        kind: pydantic's code of the fault, such as `extra_forbidden`.
    """

    place: str
    problem: str
    message: str
    kind: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}" if self.place else self.problem


def first_fault(error: ValidationError, model: type[BaseModel] | None = None) -> Fault:
    """Return the first fault of ``error``, an unknown name before any other.

    Args:
        error: what pydantic found.
        model: the settings that were checked; with it, the one that was probably meant is named. None for data.
    """
    first = sorted_errors(error)[0]
    names, parent = _walk(model, first["loc"])
    place, context = ".".join(names), first.get("ctx", {})
    kind, message = first["type"], str(first["msg"]).removeprefix("Value error, ")
    noun = "setting" if model else "field"
    problem = message
    if kind == "extra_forbidden":
        known = list(parent.model_fields) if parent else []
        problem = f"there is no such {noun}{did_you_mean(names[-1], known)}"
        if known and "did you mean" not in problem:
            problem += f"; there are {', '.join(known)}"
    elif kind == "missing":
        problem = f"this {noun} is required"
    elif kind in ("literal_error", "enum"):
        known = [part.strip("' ") for part in str(context["expected"]).replace(" or ", ", ").split(",")]
        problem = unknown("unknown value", str(first["input"]), known)
    elif kind == "union_tag_invalid":
        known = [part.strip("' ") for part in str(context["expected_tags"]).split(",")]
        place, problem = f"{place}.{_tag(context)}", unknown("unknown value", str(context["tag"]), known)
    elif kind == "union_tag_not_found":
        place, problem = f"{place}.{_tag(context)}", f"this {noun} is required"
    return Fault(place, problem, message, kind)


def sorted_errors(error: ValidationError) -> list[Any]:
    """Return the faults of ``error``, unknown names first: a misspelled one also leaves the right one missing."""
    return sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")


def identity(fault: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what makes two faults the same. Of a whole section the content may differ and the fault be the same."""
    given = fault["input"]
    return fault["loc"], fault["type"], fault["msg"], repr(given) if isinstance(given, _SCALAR) else None


def _tag(context: Mapping[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


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
