"""Rows of a dataset's tables as checked records."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.files.faults import first_fault
from mma_bench.files.tables import read_parquet

_Record = TypeVar("_Record", bound=BaseModel)


def read_records(folder: Path, name: str, model: type[_Record]) -> list[_Record]:
    """Return the rows of the Parquet file ``name`` below ``folder``.

    Raises:
        MMABenchError: the file cannot be read, or a row is not a ``model``.
    """
    try:
        rows = read_parquet(folder, name).to_pylist()
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
