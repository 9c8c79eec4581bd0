"""Column types and documentation, generated from `mma_bench.schema`."""

import types
from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel

from mma_bench.schema import Stimulus

if TYPE_CHECKING:
    from datasets import Features

AUDIO_RATE = 16_000
"""Sampling rate of every `flac` member, hertz: what all target models hear."""

_SCALARS = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}


def arrow_schema(model: type[BaseModel]) -> pa.Schema:
    """Return the Arrow schema of a table whose rows are ``model``."""
    return pa.schema([pa.field(name, _arrow_type(field.annotation)) for name, field in model.model_fields.items()])


def to_table(model: type[BaseModel], rows: Iterable[BaseModel]) -> pa.Table:
    """Return ``rows`` as an Arrow table with the schema of ``model``."""
    return pa.Table.from_pylist([row.model_dump(mode="json") for row in rows], schema=arrow_schema(model))


def sample_features() -> "Features":
    """Return the Hugging Face features of a sample: `mp4`, `flac`, `json` as WebDataset users expect."""
    from datasets import Audio, Features, Value, Video

    features = {
        "__key__": Value("string"),
        "__url__": Value("string"),
        "flac": Audio(sampling_rate=AUDIO_RATE),
        "json": dict(Features.from_arrow_schema(arrow_schema(Stimulus))),
        "mp4": Video(),
    }
    return Features(features)


def documentation(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str, str]]:
    """Return (column, type, meaning) for each column of ``model``, nested ones with a dotted name."""
    rows: list[tuple[str, str, str]] = []
    for name, field in model.model_fields.items():
        inner, many = _inner_model(field.annotation)
        shown = "list of records" if inner and many else "record" if inner else str(_arrow_type(field.annotation))
        rows.append((prefix + name, shown, field.description or ""))
        if inner:
            rows += documentation(inner, f"{prefix}{name}{'[]' if many else ''}.")
    return rows


def _inner_model(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    if get_origin(annotation) in (Union, types.UnionType):
        return _inner_model(next(part for part in get_args(annotation) if part is not type(None)))
    if get_origin(annotation) is list:
        return _inner_model(get_args(annotation)[0])[0], True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    return None, False


def _arrow_type(annotation: Any) -> pa.DataType:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):  # only `X | None` occurs: Arrow columns are nullable anyway
        (kept,) = (part for part in get_args(annotation) if part is not type(None))
        return _arrow_type(kept)
    if origin is list:
        return pa.list_(_arrow_type(get_args(annotation)[0]))
    if origin is Literal:
        return pa.string()
    if issubclass(annotation, BaseModel):
        return pa.struct(list(arrow_schema(annotation)))
    if issubclass(annotation, Enum):
        return pa.string()
    return _SCALARS[annotation]
