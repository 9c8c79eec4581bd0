"""Rows of a dataset's tables as checked records."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from mma_bench.dataset.columns import arrow_schema
from mma_bench.errors import MMABenchError
from mma_bench.files.faults import first_fault
from mma_bench.files.tables import read_parquet

_Record = TypeVar("_Record", bound=BaseModel)


def read_records(folder: Path, name: str, model: type[_Record]) -> list[_Record]:
    """Return the rows of the Parquet file ``name`` below ``folder``.

    Raises:
        MMABenchError: the file cannot be read, was written before ``model`` got one of its columns, or has a row that
            is not a ``model``.
    """
    try:
        table = read_parquet(folder, name)
        if missing := _missing_column(table.schema, arrow_schema(model)):
            raise MMABenchError(
                f"{folder / name} was written by an earlier version (it has no column {missing}); build the dataset "
                "again with `python -m builder run` and the same work folder, or download it again"
            )
        rows = table.to_pylist()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MMABenchError(f"{folder / name} cannot be read: {reason}; build or download it again") from error
    records = []
    for number, row in enumerate(rows):
        try:
            records.append(model.model_validate(row))
        except ValidationError as error:
            fault = str(first_fault(error))[:300]
            raise MMABenchError(
                f"{folder / name} cannot be read by this version: row {number}: {fault}; build or download it again"
            ) from error
    return records


def _missing_column(found: Iterable["pa.Field"], expected: Iterable["pa.Field"], prefix: str = "") -> str | None:
    """Return the dotted name of a column that is in ``expected`` alone, also within lists and records."""
    types = {field.name: field.type for field in found}
    for field in expected:
        if field.name not in types:
            return f"{prefix}{field.name}"
        has, wanted = types[field.name], field.type
        if pa.types.is_list(has) and pa.types.is_list(wanted):
            has, wanted = has.value_type, wanted.value_type
        if pa.types.is_struct(has) and pa.types.is_struct(wanted):
            missing = _missing_column(list(has), list(wanted), f"{prefix}{field.name}.")
            if missing:
                return missing
    return None
