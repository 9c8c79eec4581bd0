"""Strict reading of AudioSet's segment lists.

The format is not plain CSV: three header lines begin with `#`, fields are separated by a comma and a space, and the
labels are one quoted field. A reader that skips lines beginning with `#` would silently lose the rows whose id a
spreadsheet turned into `#NAME?`, so the header is read by its position.
"""

import hashlib
import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from builder.select.bad_rows import BadRow, Fault, describe, examine
from mma_bench.errors import MMABenchError

HEADER_LINES = 3
_PARTS = ("start", "end", "labels")
_COLUMN_LINE = re.compile(rb"# YTID, start_seconds, end_seconds, positive_labels,*\s*")
_DECLARED = re.compile(rb"num_segs=(\d+)")
_TIME = r"[0-9]{1,7}(?:\.[0-9]{1,3})?"
_ID = r"^[A-Za-z0-9_-]{11}$"
_TAIL = rf'^, (?P<start>{_TIME}), (?P<end>{_TIME}), "(?P<labels>[!#-+\--~]+(?:,[!#-+\--~]+)*)"$'
"""The official format of what follows the id. Everything between quotes and commas is printable ASCII."""


@dataclass(frozen=True)
class SegmentList:
    """A segment list.

    Attributes:
        name: File name without folder and suffix.
        sha256: Hash of the file.
        rows: Rows in the file, header lines not counted.
        declared: Number of segments that the header states, if it does.
        table: One row per segment that could be read, in the order of the file: `row` (line in the file, from 1,
            int32), `clip_id`, `youtube_id`, `start_seconds`, `end_seconds` (float64) and `labels` (dictionary of
            comma-separated label ids).
        skipped: Rows that could not be read.
        read_back: Rows with quoting damaged by a spreadsheet program that were recovered and are in `table`.
    """

    name: str
    sha256: str
    rows: int
    declared: int | None
    table: pa.Table
    skipped: tuple[BadRow, ...] = ()
    read_back: tuple[BadRow, ...] = ()


def read_segments(path: Path, known_labels: Collection[str], *, skip_bad_rows: bool = False) -> SegmentList:
    """Read a segment list.

    Args:
        path: The list, in the format of AudioSet's `eval_segments.csv`.
        known_labels: Label ids of the ontology.
        skip_bad_rows: Skip damaged rows and report them, instead of rejecting the file. Rows that only lost their
            quoting are recovered.

    Raises:
        MMABenchError: the file is not a segment list, or has bad rows and ``skip_bad_rows`` is false.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MMABenchError(f"cannot read the segment list {path}: {error.strerror}") from error
    declared = _check_header(path, data)
    with ThreadPoolExecutor(1) as hashing:  # a tenth of the time, and hashing releases the interpreter's lock
        digest = hashing.submit(hashlib.sha256, data)
        lines = _split_lines(path, data)
        del data
        parsed = _parse(lines)
    sha256 = digest.result().hexdigest()
    rows = len(lines)
    skipped: list[BadRow] = []
    read_back: list[BadRow] = []
    if parsed.wrong.any():
        lines, skipped, read_back = _mend(lines, parsed.wrong)
        parsed = _parse(lines)
    del lines
    table, faults = _check_values(_typed(parsed), known_labels)
    skipped = sorted([*skipped, *faults], key=lambda entry: entry.row)
    read_back = [entry for entry in read_back if entry.row not in {fault.row for fault in faults}]
    if (skipped or read_back) and not skip_bad_rows:
        bad = sorted([*skipped, *read_back], key=lambda entry: entry.row)
        raise MMABenchError(
            f"{describe(path.name, rows, bad)}. Get the list from its publisher again, or pass --skip-bad-rows "
            f"to continue without {len(skipped)} of them{f', {len(read_back)} can be read back' if read_back else ''}"
        )
    return SegmentList(path.stem, sha256, rows, declared, table, tuple(skipped), tuple(read_back))


def _check_header(path: Path, data: bytes) -> int | None:
    header = data[:4096].removeprefix(b"\xef\xbb\xbf").split(b"\n", HEADER_LINES)[:HEADER_LINES]
    if len(header) < HEADER_LINES or not _COLUMN_LINE.fullmatch(header[-1]) or header[0][:1] != b"#":
        raise MMABenchError(
            f"{path}: not an AudioSet segment list: it must begin with three lines that start with '#', the third "
            "`# YTID, start_seconds, end_seconds, positive_labels`; take the list from its publisher again"
        )
    declared = _DECLARED.search(header[1])
    return int(declared[1]) if declared else None


def _split_lines(path: Path, data: bytes) -> pa.ChunkedArray:
    # One column: Arrow's own field splitting does not support a quote after a space.
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(column_names=["line"], skip_rows=HEADER_LINES, block_size=1 << 23),
            parse_options=pa_csv.ParseOptions(delimiter="\x1f", quote_char=False, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(column_types={"line": pa.binary()}, strings_can_be_null=False),
        )
    except pa.ArrowException as error:
        if data.count(b"\n") <= HEADER_LINES and not data.split(b"\n", HEADER_LINES)[-1].strip():
            return pa.chunked_array([], type=pa.binary())
        raise MMABenchError(f"{path}: not a text file with one segment a line ({error})") from error
    return table["line"]


@dataclass(frozen=True)
class _Parsed:
    """Rows split at the end of the id. What follows the id repeats in many rows and is matched once.

    Attributes:
        youtube_id: The first 11 bytes of each row.
        tail: For each row, the index of its tail.
        tails: The parts of each distinct tail: `start`, `end`, `labels`; null if it is not in the official format.
        wrong: Whether the row is not in the official format, shape (rows,).
    """

    youtube_id: pa.Array
    tail: pa.Array
    tails: pa.StructArray
    wrong: npt.NDArray[np.bool_]


def _parse(lines: pa.ChunkedArray) -> _Parsed:
    youtube_id = pc.binary_slice(lines, 0, 11).combine_chunks()
    tail = pc.binary_slice(lines, 11, 1 << 30).dictionary_encode().combine_chunks()  # an open end fails in Arrow 26
    tails = pc.extract_regex(tail.dictionary, _TAIL)
    wrong_tail = pc.is_null(tails).to_numpy(zero_copy_only=False)
    wrong_id = ~pc.match_substring_regex(youtube_id, _ID).to_numpy(zero_copy_only=False)
    return _Parsed(youtube_id, tail.indices, tails, wrong_id | wrong_tail[tail.indices.to_numpy()])


def _mend(lines: pa.ChunkedArray, wrong: npt.NDArray[np.bool_]) -> tuple[pa.ChunkedArray, list[BadRow], list[BadRow]]:
    """Examine the rows that are not in the official format, and convert those that can be recovered."""
    mask = pa.array(wrong)
    texts = (text.decode("utf-8", "replace") for text in lines.filter(mask).to_pylist())
    entries = [examine(int(at) + HEADER_LINES + 1, text) for at, text in zip(np.flatnonzero(wrong), texts, strict=True)]
    mended = pa.array([(entry.read_back or "").encode() for entry in entries], type=pa.binary())
    replaced = pa.chunked_array([pc.replace_with_mask(lines.combine_chunks(), mask, mended)])
    skipped = [entry for entry in entries if entry.read_back is None]
    return replaced, skipped, [entry for entry in entries if entry.read_back is not None]


def _typed(parsed: _Parsed) -> pa.Table:
    """Return typed columns of the rows in the official format."""
    start, end, text = (pc.cast(pc.struct_field(parsed.tails, name), pa.string()) for name in _PARTS)
    start, end = pc.cast(start, pa.float64()), pc.cast(end, pa.float64())
    milliseconds = pc.cast(pc.cast(pc.round(pc.multiply(start, 1000.0)), pa.int64()), pa.string())
    labels = text.dictionary_encode()
    youtube_id, tail = parsed.youtube_id, parsed.tail
    row = pa.array(np.arange(len(tail), dtype=np.int32) + (HEADER_LINES + 1))
    if parsed.wrong.any():
        right = pa.array(~parsed.wrong)
        youtube_id, tail, row = youtube_id.filter(right), tail.filter(right), row.filter(right)
    youtube_id = pc.cast(youtube_id, pa.string())
    columns = {
        "row": row,
        "clip_id": pc.binary_join_element_wise(youtube_id, milliseconds.take(tail), "_"),
        "youtube_id": youtube_id,
        "start_seconds": start.take(tail),
        "end_seconds": end.take(tail),
        "labels": pa.DictionaryArray.from_arrays(labels.indices.take(tail), labels.dictionary),
    }
    return pa.table(columns)


def _check_values(table: pa.Table, known_labels: Collection[str]) -> tuple[pa.Table, list[BadRow]]:
    """Find rows with the right format and wrong values, and remove them."""
    if not len(table):
        return table, []
    labels = table["labels"].chunk(0)
    sets = pc.split_pattern(labels.dictionary, ",")
    is_known = pc.is_in(sets.flatten(), value_set=pa.array(list(known_labels), type=pa.string()))
    strange = ~np.logical_and.reduceat(is_known.to_numpy(zero_copy_only=False), sets.offsets.to_numpy()[:-1])
    unknown = strange[labels.indices.to_numpy()]
    backwards = pc.less_equal(table["end_seconds"], table["start_seconds"]).to_numpy()
    twice = _repeated(table)
    wrong = unknown | backwards | twice
    if not wrong.any():
        return table, []
    faults = []
    for at in np.flatnonzero(wrong):
        fault = Fault.TIME if backwards[at] else Fault.UNKNOWN_LABEL if unknown[at] else Fault.TWICE
        values = table.slice(int(at), 1).to_pylist()[0]
        shown = f"{values['youtube_id']}, {values['start_seconds']}, {values['end_seconds']}, {values['labels']}"
        faults.append(BadRow(values["row"], fault, shown))
    return table.filter(pa.array(~wrong)), faults


def _repeated(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Return for each row whether an earlier one has the same clip id, shape (rows,)."""
    # Different videos give different clips. Sorting a 64-bit hash of the 11 bytes of each id shows this in a seventh
    # of the time that Arrow's set of strings takes; only if two hashes agree are the ids compared.
    ids = np.frombuffer(table["youtube_id"].chunk(0).buffers()[2], dtype=np.uint8)[: 11 * len(table)].reshape(-1, 11)
    tail = np.pad(ids[:, 8:], ((0, 0), (0, 5))).view("<u8")[:, 0]
    hashes = np.ascontiguousarray(ids[:, :8]).view("<u8")[:, 0] * np.uint64(0x9E3779B97F4A7C15) + tail
    hashes.sort()
    if (hashes[1:] != hashes[:-1]).all():
        return np.zeros(len(table), dtype=np.bool_)
    repeated = np.zeros(len(table), dtype=np.bool_)
    seen: set[str] = set()
    for at, clip_id in enumerate(table["clip_id"].to_pylist()):
        repeated[at] = clip_id in seen
        seen.add(clip_id)
    return repeated
