"""The stage's two tables: candidates, and every other row with its reason."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from builder.select.judged_list import JudgedList
from builder.select.label_filter import REASONS, Reason
from mma_bench.files.atomic import atomic_path

_TEXT = pa.dictionary(pa.int32(), pa.string())  # few distinct values: Parquet uses the dictionary unchanged
_LIST = pa.list_(pa.string())
_WHERE = [("segment_list", _TEXT), ("row", pa.int32())]
_SEGMENT = [
    ("clip_id", pa.string()),
    ("start_seconds", pa.float64()),
    ("end_seconds", pa.float64()),
]

CANDIDATES = pa.schema(
    [
        *_SEGMENT,
        ("youtube_id", pa.string()),
        ("label", _TEXT),
        ("source_labels", _LIST),
        ("source_label_ids", _LIST),
        *_WHERE,
    ]
)
"""`clip_id` is `{youtube_id}_{start_ms}`; `source_labels` are display names; `row` is the line in the list."""

DROPPED = pa.schema([*_WHERE, ("reason", _TEXT), ("detail", _TEXT), *_SEGMENT, ("source_label_ids", _TEXT)])
"""`source_label_ids` as in the list, with commas. It and the segment are null if the row could not be read."""

_ROWS_AT_ONCE = 1 << 18
"""Rows per row group. Lists of labels take about 200 bytes per row while they are built."""

_IDS = ("clip_id", "youtube_id")


def _parquet_options(schema: pa.Schema) -> dict[str, Any]:
    leaves = [f"{name}.list.element" if schema.field(name).type == _LIST else name for name in schema.names]
    return {
        # Ids are random letters: zstd would take a third of the writing time to save a quarter of their size.
        "compression": {leaf: "none" if leaf in _IDS else "zstd" for leaf in leaves},
        # Each id occurs once, so a dictionary would be built only to be discarded.
        "use_dictionary": [leaf for leaf in leaves if leaf not in (*_IDS, "row")],
        "write_statistics": [name for name in ("segment_list", "row", "reason", "label") if name in schema.names],
        "store_schema": False,  # readers see plain strings, not Arrow's dictionaries
    }


def write_tables(
    lists: Sequence[JudgedList], names: pa.StringArray, ids: pa.StringArray, *, candidates: Path, dropped: Path
) -> None:
    """Write both tables atomically. Same input, same bytes.

    Args:
        lists: The judged lists.
        names: Display names of the ontology's nodes, in its order.
        ids: Ids of the nodes.
        candidates: Parquet file for the candidates.
        dropped: Parquet file for the other rows.
    """
    with (
        atomic_path(candidates) as candidates_path,
        atomic_path(dropped) as dropped_path,
        pq.ParquetWriter(candidates_path, CANDIDATES, **_parquet_options(CANDIDATES)) as candidates_file,
        pq.ParquetWriter(dropped_path, DROPPED, **_parquet_options(DROPPED)) as dropped_file,
    ):
        for judged in lists:
            texts = judged.segments.table["labels"].chunk(0).dictionary
            details = judged.sets.detail.dictionary_encode() if judged.sets else None
            for start in range(0, len(judged.label), _ROWS_AT_ONCE):
                kept = judged.label[start : start + _ROWS_AT_ONCE] >= 0
                candidates_file.write_batch(_kept_rows(judged, np.flatnonzero(kept) + start, names, ids))
                dropped_file.write_batch(_dropped_rows(judged, np.flatnonzero(~kept) + start, texts, details))
            if judged.segments.skipped:
                dropped_file.write_table(_unread_rows(judged))


def _kept_rows(
    judged: JudgedList, rows: npt.NDArray[np.intp], names: pa.StringArray, ids: pa.StringArray
) -> pa.RecordBatch:
    if judged.sets:
        nodes = judged.sets.nodes.take(pa.array(judged.label_set[rows]))
        flat = nodes.flatten()
        labels = [pa.ListArray.from_arrays(nodes.offsets, values.take(flat)) for values in (names, ids)]
    else:
        labels = [pa.array([[]] * len(rows), type=_LIST)] * 2
    columns = {
        "label": _text_column(pa.array(judged.class_names, type=pa.string()), judged.label[rows]),
        "source_labels": labels[0],
        "source_label_ids": labels[1],
    }
    return _assemble(CANDIDATES, judged, rows, columns)


def _dropped_rows(
    judged: JudgedList, rows: npt.NDArray[np.intp], texts: pa.StringArray, details: pa.DictionaryArray | None
) -> pa.RecordBatch:
    label_set = judged.label_set[rows]
    if details is None:
        detail = _text_column(pa.array([""]), np.zeros(len(rows), dtype=np.int32))
    else:
        detail = _text_column(details.dictionary, details.indices.to_numpy()[label_set])
    columns = {
        "reason": _text_column(pa.array([reason.value for reason in REASONS]), judged.reason[rows]),
        "detail": detail,
        "source_label_ids": _text_column(texts, label_set),
    }
    return _assemble(DROPPED, judged, rows, columns)


def _text_column(values: pa.StringArray, indices: npt.NDArray[np.integer[Any]]) -> pa.DictionaryArray:
    """Return ``values[indices]`` as a dictionary of the values in use, each once.

    ``values`` must be distinct: from a dictionary that repeats a value Arrow 26 writes other bytes in each run.
    """
    used = np.zeros(len(values), dtype=np.bool_)
    used[indices] = True
    position = np.cumsum(used, dtype=np.int32) - 1
    return pa.DictionaryArray.from_arrays(pa.array(position[indices]), values.filter(pa.array(used)))


def _assemble(
    schema: pa.Schema, judged: JudgedList, rows: npt.NDArray[np.intp], columns: dict[str, pa.Array]
) -> pa.RecordBatch:
    table = judged.segments.table.drop_columns(["labels"])
    # Taking from the slice around the rows is much faster than from all chunks.
    first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
    part = table.slice(first, last - first).take(pa.array(rows - first))
    columns |= {name: part[name].combine_chunks() for name in part.column_names}
    columns["segment_list"] = _text_column(pa.array([judged.segments.name]), np.zeros(len(rows), dtype=np.int32))
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def _unread_rows(judged: JudgedList) -> pa.Table:
    rows = [
        {
            "segment_list": judged.segments.name,
            "row": entry.row,
            "reason": Reason.BAD_ROW.value,
            "detail": f"{entry.fault.name.lower()}: {entry.text}",
        }
        for entry in judged.segments.skipped
    ]
    return pa.Table.from_pylist(rows, schema=DROPPED)
