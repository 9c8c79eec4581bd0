"""The `fetch` stage: make each clip's media available as a local file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.executors import ExecutorSettings
from builder.manifest import ManifestRow
from builder.media_folder import hashed_name
from builder.sources.base import Source
from builder.stage import ClipStage
from mma_bench.files.hashing import sha256_file

if TYPE_CHECKING:
    from builder.job import Job


class FetchClips(ClipStage):
    """Request the file of each clip from the source and record its hash."""

    name = "fetch"

    def __init__(self, folder: Path, source: Source) -> None:
        super().__init__(folder)
        self.source = source

    @classmethod
    def of(cls, job: "Job") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.source)

    def prepare(self) -> None:
        """Download what all clips share."""
        self.source.prepare()

    def inputs(self) -> Any:
        """Return the hashes of the source's lists, and its state."""
        return [sorted(self.source.input_hashes().items()), self.source.state()]

    def executor(self, given: ExecutorSettings) -> ExecutorSettings:
        """Return ``given`` with at most as many workers as the network allows."""
        return given.at_most(self.source.fetch_workers) if self.source.fetch_workers else given

    def retry(self) -> Callable[[str], bool]:
        """Return what tells by its reason whether a clip may be available later."""
        return self.source.can_succeed_later

    def process(self, row: ManifestRow) -> ManifestRow:
        """Return ``row`` with the path and the SHA-256 of its source file."""
        path = self.source.fetch(row, self.folder / "media" / hashed_name(row.clip_id))
        return row.changed(
            media=os.path.relpath(path, self.folder),
            media_start_seconds=self.source.begins_at(row, path),
            source_sha256=sha256_file(path),
        )

    def outputs(self, clip_id: str, media: str | None) -> list[Path]:
        """Return the source file."""
        return [self.folder / str(media)]
