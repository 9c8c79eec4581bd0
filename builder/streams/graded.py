"""Streams that graded conditions encode, each made once and kept by its hash."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from builder.normalise.settings import NormaliseSettings
from builder.stage import Dropped
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_path, fsync_folder, write_json
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_file, sha256_json

_VERSION = 1
"""Counts up when a condition makes other bytes of the same recipe."""


class GradedStreams:
    """Makes streams below ``folder``, or finds them there.

    A stream is called by its hash; a record, written after it and named by what it was made from, leads to it. So
    any number of processes may make the same stream, and one that is killed leaves nothing that counts as made.
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
        record = self.folder / "records" / f"{name}.json"
        try:
            sha256, seconds = parse_json(record.read_text(encoding="utf-8"))
            if graded_file(self.folder, sha256, suffix).is_file():
                return str(sha256), float(seconds)
        except (OSError, ValueError, TypeError):
            pass
        made = self.folder / f"{name}.{suffix}"
        with atomic_path(made) as temporary:
            try:
                seconds = encode(temporary)
            except Dropped as failure:
                raise MMABenchError(f"{recipe[0]}: {failure}; run the build again with a new --work") from failure
        sha256 = sha256_file(made)
        made.replace(graded_file(self.folder, sha256, suffix))
        fsync_folder(self.folder)
        write_json(record, [sha256, seconds])
        return sha256, seconds


def graded_file(folder: Path, sha256: str, suffix: str) -> Path:
    """Return where a graded stream lies."""
    return folder / f"{sha256}.{suffix}"


def graded_folder(folder: Path) -> Path:
    """Return where below the folder of streams those of graded conditions lie, each called by its hash."""
    return folder / "graded"
