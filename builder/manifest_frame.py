"""A manifest as a DataFrame."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builder.manifest import ManifestRow
from mma_bench.dataset.columns import arrow_schema
from mma_bench.errors import MMABenchError

if TYPE_CHECKING:
    import pandas as pd

_NAMES = ("visual_label", "audio_label", "split", "source", "licence", "verifier", "dropped_by", "reason")
"""Columns with few distinct values, which become categories."""


def read_manifest_frame(path: str | Path, *, kept_only: bool = False) -> "pd.DataFrame":
    """Read a manifest: one row for each clip, with typed columns.

    The columns are those of `builder.manifest.ManifestRow`. Both label columns have the same categories.

    Args:
        path: `manifest.parquet` of a stage.
        kept_only: leave out the clips that were dropped.

    Raises:
        MMABenchError: the file is not a manifest of this version.
    """
    file = Path(path)
    try:
        table = pq.read_table(file, filters=pc.field("dropped_by").is_null() if kept_only else None)
        table = _flat(table.cast(arrow_schema(ManifestRow)))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise MMABenchError(
            f"{file} is not a manifest of this version ({error}); delete its folder and run the stage again"
        ) from error
    return _typed(table)


def _flat(table: pa.Table) -> pa.Table:
    """Return ``table`` with a column for each finding, such as `audio_peak` and `people_yes`."""
    table = table.flatten()
    return table.rename_columns([name.replace("people.", "people_").rpartition(".")[2] for name in table.column_names])


def _typed(table: pa.Table) -> "pd.DataFrame":
    import pandas as pd

    types = {
        pa.string(): pd.StringDtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
    }
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get)
    labels = _names(pd.concat([frame["visual_label"], frame["audio_label"]]))
    for name in _NAMES:
        known = labels if name.endswith("_label") else _names(frame[name])
        frame[name] = frame[name].astype(pd.CategoricalDtype(pd.Index(known, dtype="str")))
    return frame


def _names(values: "pd.Series[Any]") -> list[str]:
    return sorted(map(str, values.dropna().unique()))
