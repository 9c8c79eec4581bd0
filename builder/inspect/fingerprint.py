"""What two encodings of one clip have in common: one small file per clip."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Fingerprint:
    """Fingerprints of both streams.

    Attributes:
        landmarks: of the audio, shape [landmarks, 2], uint32: number and time; see `sound_landmarks`.
        frames: of the video, shape [hashes], uint64, in order of time; see `frame_hashes`.
    """

    landmarks: "NDArray[np.uint32]"
    frames: "NDArray[np.uint64]"

    def write(self, path: Path) -> None:
        """Write the fingerprint atomically; same fingerprint, same bytes."""
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, self.landmarks)
            np.save(file, self.frames)

    @classmethod
    def read(cls, path: Path) -> "Fingerprint":
        """Read what `write` wrote.

        Raises:
            MMABenchError: the file is missing or damaged.
        """
        try:
            with open(path, "rb") as file:
                return cls(np.load(file), np.load(file))
        except (OSError, ValueError, EOFError) as error:
            raise MMABenchError(
                f"{path} is not a fingerprint ({error}); delete it and run the build again to recreate it"
            ) from error
