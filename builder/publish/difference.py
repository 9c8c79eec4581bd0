"""What a dataset's folder and its repository on the hub have in common."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mma_bench.files.hashing import sha256_file


@dataclass(frozen=True)
class RemoteFile:
    """A file of the repository: its git blob id, or the SHA-256 of its content if it is stored by LFS."""

    blob_id: str
    sha256: str | None
    size: int

    def same_as(self, path: Path) -> bool:
        """Return whether ``path`` has the same content."""
        if path.stat().st_size != self.size:
            return False
        return sha256_file(path) == self.sha256 if self.sha256 else _git_blob_id(path) == self.blob_id


@dataclass(frozen=True)
class Difference:
    """Paths, grouped by what an upload would do to them.

    Attributes:
        added: files missing from the repository.
        changed: files that differ.
        deleted: files that the folder no longer has.
        same: number of equal files.
        upload_bytes: size of the added and changed files.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    deleted: tuple[str, ...]
    same: int
    upload_bytes: int

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)

    def lines(self) -> list[str]:
        """Return one line per file, like `git status --short`, and a summary."""
        marks = (("A", self.added), ("M", self.changed), ("D", self.deleted))
        files = [f"{mark} {path}" for mark, paths in marks for path in paths]
        return [
            *files,
            f"{len(self.added)} new, {len(self.changed)} changed, {len(self.deleted)} deleted, {self.same} the same; "
            f"{self.upload_bytes / 1e6:.1f} MB to upload",
        ]


def compare(folder: Path, names: set[str], remote: Mapping[str, RemoteFile]) -> Difference:
    """Compare the files ``names`` of ``folder`` with the repository."""
    added = tuple(sorted(names - remote.keys()))
    common = sorted(names & remote.keys())
    changed = tuple(name for name in common if not remote[name].same_as(folder / name))
    size = sum((folder / name).stat().st_size for name in (*added, *changed))
    deleted = tuple(sorted(remote.keys() - names))
    return Difference(added, changed, deleted, len(common) - len(changed), size)


def _git_blob_id(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
