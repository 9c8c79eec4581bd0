"""The `fetch` stage: make each clip's media available as a local file."""

import os
from pathlib import Path

from builder.clip_step import ClipStep
from builder.manifest import ManifestRow
from builder.sources.base import Source
from mma_bench.files.hashing import sha256_file


class FetchClips(ClipStep):
    """Request the file of each clip from the source and record its hash."""

    stage = "fetch"

    def __init__(self, folder: Path, source: Source) -> None:
        super().__init__(folder, [sorted(source.input_hashes().items()), source.state()])
        self.source = source

    def process(self, row: ManifestRow) -> ManifestRow:
        """Return ``row`` with the path and the SHA-256 of its source file."""
        path = self.source.fetch(row, self.folder / "media")
        return row.changed(
            media=os.path.relpath(path, self.folder),
            media_start_seconds=self.source.begins_at(row, path),
            source_sha256=sha256_file(path),
        )

    def outputs(self, row: ManifestRow) -> list[Path]:
        """Return the source file."""
        return [self.folder / str(row.media)]
