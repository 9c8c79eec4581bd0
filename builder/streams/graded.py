"""Streams that graded conditions encode, each made once and kept by its hash."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from builder.media_folder import hashed_name
from builder.normalise.settings import NormaliseSettings
from builder.stage import Dropped
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path, fsync_folder, unused_name
from mma_bench.files.hashing import sha256_file, sha256_json

_VERSION = 1
"""Counts up when a condition makes other bytes of the same recipe."""


class GradedStreams:
    """Makes streams below ``folder``, or finds them there.

    The name of a file says what it was made from, how long it is, and its hash: `RECIPE_SECONDS_SHA256.mp4`. It appears
    by rename, so any number of processes may make the same stream, and one that is killed leaves nothing that counts as
    made.
    """

    def __init__(self, folder: Path, video: NormaliseSettings) -> None:
        self.folder = folder
        self.video = video

    def make(self, suffix: str, recipe: list[Any], encode: Callable[[Path], float]) -> tuple[str, float]:
        """Return the SHA-256 and the length in seconds of a stream.

        Args:
            suffix: `mp4` or `flac`.
            recipe: the name of the condition and all else that decides the bytes.
            encode: writes the stream to a path and returns its length in seconds.

        Raises:
            MMABenchError: a stream of the work folder cannot be decoded.
        """
        name = sha256_json([_VERSION, recipe, self.video.model_dump() if suffix == "mp4" else None])[:32]
        folder = self.folder / hashed_name(name)
        for path in folder.glob(f"{name}_*_*.{suffix}"):
            _, length, sha256 = path.stem.split("_")
            return sha256, float(length)
        made = unused_name(folder, f".tmp-{name}-", f".{suffix}")  # another process may be making the same stream
        with atomic_path(made) as temporary:
            try:
                seconds = encode(temporary)
            except Dropped as failure:
                raise MMABenchError(f"{recipe[0]}: {failure}; run the build again with a new --work") from failure
        sha256 = sha256_file(made)
        made.replace(folder / f"{name}_{float(seconds)!r}_{sha256}.{suffix}")
        fsync_folder(folder)
        return sha256, seconds


def graded_files(folder: Path) -> dict[str, Path]:
    """Return the files that `GradedStreams` left in ``folder``, by their SHA-256."""
    return {path.stem.rpartition("_")[2]: path for path in sorted(folder.glob("*/*_*_*.*"))}


def graded_folder(folder: Path) -> Path:
    """Return where below the folder of streams those of graded conditions are."""
    return folder / "graded"
