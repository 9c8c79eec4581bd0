"""What two encodings of one clip have in common: two columns of the results of `inspect`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from builder.results import Results

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = pa.schema([("landmarks", pa.list_(pa.uint32())), ("frames", pa.list_(pa.uint64()))])


@dataclass(frozen=True)
class Fingerprint:
    """Fingerprints of both streams.

    Attributes:
        landmarks: of the audio, shape [landmarks, 2], uint32: number and time; see `sound_landmarks`.
        frames: of the video, shape [hashes], uint64, in order of time; see `frame_hashes`.
    """

    landmarks: "NDArray[np.uint32]"
    frames: "NDArray[np.uint64]"

    def columns(self) -> dict[str, Any]:
        """Return the values of `COLUMNS`."""
        return {"landmarks": self.landmarks.ravel(), "frames": self.frames}


def fingerprint_tables(inspected: Path, clip_ids: pa.Array) -> Iterator[pa.Table]:
    """Yield the columns `COLUMNS` of clips, in their order, a few thousand at a time.

    Args:
        inspected: folder of the stage `inspect`.
        clip_ids: the clips.

    Raises:
        MMABenchError: a clip has no fingerprint.
    """
    yield from Results(inspected, COLUMNS).find(clip_ids).columns(COLUMNS.names)
