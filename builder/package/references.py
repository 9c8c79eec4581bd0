"""What another machine needs to recreate a clip and recognise it: `metadata/references.parquet`.

Hashes show only whether the bytes are equal, and another version of ffmpeg writes other bytes for the same frames.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builder.compare.ragged import Ragged
from builder.groups import GroupWriter
from builder.inspect.fingerprint import Fingerprint, fingerprint_tables
from builder.manifest_file import Manifest
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path
from mma_bench.files.tables import read_parquet

REFERENCES = "metadata/references.parquet"
_GROUP_ROWS = 4096
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


class ClipReferences:
    """The references of the clips of a manifest; iterating reads them one after the other.

    Args:
        clips: the manifest.
        inspected: folder of the stage `inspect`, which has their fingerprints.
    """

    def __init__(self, clips: Manifest, inspected: Path) -> None:
        self._clips = clips
        self._inspected = inspected

    def __iter__(self) -> Iterator[ClipReference]:
        """Yield the reference of each clip."""
        names, starts, ends = (self._clips.column(name) for name in ("clip_id", "start_seconds", "end_seconds"))
        seconds = pc.subtract(ends, starts)
        at = 0
        for table in fingerprint_tables(self._inspected, names):
            landmarks = Ragged.of_lists([table["landmarks"]], width=2)
            frames = Ragged.of_lists([table["frames"]])
            for row in range(len(table)):
                fingerprint = Fingerprint(landmarks[row], frames[row])
                yield ClipReference(names[at].as_py(), seconds[at].as_py(), fingerprint)
                at += 1


def write_references(path: Path, references: Iterable[ClipReference]) -> None:
    """Write references to a Parquet file atomically; same references, same bytes."""
    stream = iter(references)
    with atomic_path(path) as temporary, GroupWriter(temporary, _SCHEMA, _GROUP_ROWS) as file:
        while some := list(islice(stream, _GROUP_ROWS)):
            file.add(_table(some))


def _table(references: Sequence[ClipReference]) -> pa.Table:
    columns = [
        pa.array([reference.clip_id for reference in references], pa.string()),
        pa.array([reference.segment_seconds for reference in references], pa.float64()),
        pa.array([reference.fingerprint.landmarks.ravel() for reference in references], _SCHEMA.field(2).type),
        pa.array([reference.fingerprint.frames for reference in references], _SCHEMA.field(3).type),
    ]
    return pa.table(columns, schema=_SCHEMA)


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
