"""The block that most stages are: one clip in, the same clip out, finished or dropped with a reason."""

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.manifest import ManifestRow, read_manifest, write_manifest
from mma_bench.atomic import write_json
from mma_bench.hashing import sha256_json


class Dropped(Exception):  # noqa: N818  (an outcome of a clip, not an error of the program)
    """A clip cannot be used.

    Attributes:
        reason: a code that the funnel counts, such as `no_audio_stream`.
        detail: one sentence for a person, without paths of this machine.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class ReadManifest(PipelineStep):
    """Deal out the rows of a manifest to tasks: row i goes to task i modulo the number of tasks.

    With ``kept_only``, rows that a stage dropped are left out before they are counted.
    """

    name = "read manifest"
    type = "reader"

    def __init__(self, manifest: Path, *, kept_only: bool = False) -> None:
        super().__init__()
        self.manifest = str(manifest)
        self.kept_only = kept_only

    def run(self, data: Iterable[Document] | None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield one document a row, the row in its metadata."""
        for row in read_manifest(Path(self.manifest), kept_only=self.kept_only)[rank::world_size]:
            yield Document(text="", id=row.clip_id, metadata=row.model_dump())


class ClipStep(PipelineStep):
    """Process clips one by one, remember each result, and skip what an earlier run finished.

    A subclass sets `stage`, gives its settings to the constructor and implements `process`. The result of
    a clip is kept in `records/{clip_id}.json` with a hash of what it was made from, written after the
    clip's media: a run that was killed goes on at the first clip without a valid record.
    """

    type = "clip step"
    stage: str

    def __init__(self, folder: Path, settings: Any) -> None:
        super().__init__()
        self.name = self.stage
        self.folder = Path(folder)
        self.settings = settings

    @abstractmethod
    def process(self, row: ManifestRow) -> ManifestRow:
        """Return ``row`` with what this stage found out, or raise `Dropped`."""

    def outputs(self, row: ManifestRow) -> list[Path]:
        """Return the files that a finished ``row`` must have on disk."""
        return []

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Process the clips of this task; clips that an earlier stage dropped pass through."""
        for done, document in enumerate(data, start=1):
            row = ManifestRow.model_validate(document.metadata)
            if row.kept:
                row = self._remembered(row) or self._process_and_remember(row)
                self.stat_update(row.reason or "kept")
            write_progress(self.folder, rank, done)
            yield Document(text="", id=row.clip_id, metadata=row.model_dump())

    def _process_and_remember(self, row: ManifestRow) -> ManifestRow:
        try:
            result = self.process(row)
        except Dropped as drop:
            result = row.drop(self.stage, drop.reason, drop.detail)
        write_json(self._record(row), {"inputs": self._inputs(row), "row": result.model_dump(mode="json")})
        return result

    def _remembered(self, row: ManifestRow) -> ManifestRow | None:
        try:
            record = json.loads(self._record(row).read_text(encoding="utf-8"))
            result = ManifestRow.model_validate(record["row"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if record.get("inputs") != self._inputs(row):
            return None
        return result if not result.kept or all(path.is_file() for path in self.outputs(result)) else None

    def _inputs(self, row: ManifestRow) -> str:
        return sha256_json([self.stage, repr(self.settings), row.model_dump(mode="json")])

    def _record(self, row: ManifestRow) -> Path:
        return self.folder / "records" / f"{row.clip_id}.json"


class WriteManifestPart(PipelineStep):
    """Collect the rows of a task into `parts/{rank}.parquet`."""

    name = "write manifest"
    type = "writer"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = Path(folder)

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Write the rows when the task is through, then pass them on."""
        documents = list(data)
        rows = [ManifestRow.model_validate(document.metadata) for document in documents]
        write_manifest(self.folder / "parts" / f"{rank:05d}.parquet", rows)
        yield from documents


def write_progress(folder: Path, rank: int, done: int) -> None:
    """Leave the number of finished items of a task for the progress bar of the main process."""
    path = folder / "progress" / f"{rank:05d}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(done), encoding="ascii")
