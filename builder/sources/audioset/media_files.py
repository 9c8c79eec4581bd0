"""Names of media files, which tell where a segment begins."""

from pathlib import Path

from builder.manifest import ManifestRow
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json

SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".m4v", ".avi", ".flv", ".ts", ".mpg", ".ogv", ".3gp")


def downloaded_name(row: ManifestRow, suffix: str, *, whole: bool) -> str:
    """Return the name for a downloaded file."""
    return f"{row.clip_id}{'.whole' if whole else ''}{suffix}"


def find_downloaded(row: ManifestRow, folder: Path) -> Path | None:
    """Return the file that an earlier run downloaded."""
    return _first(folder, row.clip_id, f"{row.clip_id}.whole")


def find_in_mirror(row: ManifestRow, mirror: Path) -> Path | None:
    """Return the clip's file in a mirror; an already cut one takes precedence over the whole video."""
    return _first(mirror, row.clip_id, *([row.youtube_id] if row.youtube_id else []))


def begins_at(row: ManifestRow, path: Path) -> float:
    """Return the second at which the segment begins in ``path``: 0 in a file named after the segment."""
    return 0.0 if path.stem == row.clip_id else row.start_seconds


def mirror_state(mirror: Path) -> str:
    """Return a hash of the names, sizes and times of all files of a mirror.

    Raises:
        MMABenchError: the folder cannot be read.
    """
    try:
        found = [(path.name, path.stat()) for path in mirror.iterdir()]
    except OSError as error:
        raise MMABenchError(f"cannot read the mirror {mirror}: {error.strerror}; set source.mirror") from error
    return sha256_json(sorted([name, status.st_size, status.st_mtime_ns] for name, status in found))


def _first(folder: Path, *stems: str) -> Path | None:
    paths = (folder / f"{stem}{suffix}" for stem in stems for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)
