"""What another machine needs to recreate a clip and recognise it: `metadata/references.parquet`.

Hashes show only whether the bytes are equal, and another version of ffmpeg writes other bytes for the same frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builder.inspect.fingerprint import Fingerprint
from builder.inspect.stage import fingerprint_path
from builder.manifest import ManifestRow
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path
from mma_bench.files.tables import read_parquet

REFERENCES = "metadata/references.parquet"
_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("segment_seconds", pa.float64()),
        ("landmarks", pa.list_(pa.uint32())),
        ("frames", pa.list_(pa.uint64())),
    ]
)


@dataclass(frozen=True)
class ClipReference:
    """What an ids-only dataset records about a clip whose media it does not contain.

    Attributes:
        clip_id: the clip.
        segment_seconds: length requested from its source, none for a whole file. The clip may be shorter, and
            requesting its own length would cut the audio at another place.
        fingerprint: of its streams.
    """

    clip_id: str
    segment_seconds: float | None
    fingerprint: Fingerprint


def references_of(rows: Sequence[ManifestRow], inspected: Path) -> list[ClipReference]:
    """Return the references of the kept ``rows``, whose fingerprints are in the folder ``inspected``."""
    return [
        ClipReference(
            row.clip_id,
            None if row.end_seconds is None else row.end_seconds - row.start_seconds,
            Fingerprint.read(fingerprint_path(inspected, row.clip_id)),
        )
        for row in rows
        if row.kept
    ]


def write_references(path: Path, references: Sequence[ClipReference]) -> None:
    """Write references to a Parquet file atomically; same references, same bytes."""
    columns = [
        pa.array([reference.clip_id for reference in references], pa.string()),
        pa.array([reference.segment_seconds for reference in references], pa.float64()),
        pa.array([reference.fingerprint.landmarks.ravel() for reference in references], _SCHEMA.field(2).type),
        pa.array([reference.fingerprint.frames for reference in references], _SCHEMA.field(3).type),
    ]
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns, schema=_SCHEMA), temporary, compression="zstd")


def read_references(folder: Path) -> list[ClipReference]:
    """Read what `write_references` wrote into the dataset in ``folder``.

    Raises:
        MMABenchError: the file is missing, damaged or in another format.
    """
    try:
        table = read_parquet(folder, REFERENCES)
        if not table.schema.equals(_SCHEMA):
            raise ValueError("its columns differ")
        return [_reference(row) for row in table.to_pylist()]
    except (OSError, ValueError, TypeError) as error:
        raise MMABenchError(
            f"{folder / REFERENCES} cannot be read ({error}); download the dataset again, or build it with this version"
        ) from error


def _reference(row: dict[str, object]) -> ClipReference:
    clip_id, seconds = str(row["clip_id"]), row["segment_seconds"]
    landmarks = np.array(row["landmarks"], np.uint32).reshape(-1, 2)
    if not (seconds is None or (isinstance(seconds, float) and 0 < seconds < 1e6)):
        raise ValueError(f"{clip_id[:100]!r} is {seconds} seconds long")
    return ClipReference(clip_id, seconds, Fingerprint(landmarks, np.array(row["frames"], np.uint64)))
