"""The block that most stages consist of: one clip in, the same clip out, finished or dropped with a reason."""

import errno
import traceback
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.manifest import ManifestRow, read_manifest, write_manifest
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json, write_text
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_json


class Dropped(Exception):  # noqa: N818  (an outcome of a clip, not an error of the program)
    """A clip cannot be used.

    Attributes:
        reason: a code that the funnel counts, such as `no_audio_stream`.
        detail: one sentence for the reader, without paths of this machine.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


INTERNAL_ERROR = "internal_error"
_MOST_INTERNAL_ERRORS = 20
"""Per task, if they are also most of its clips: then the clips are probably not the cause."""

_MACHINE_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
"""These would affect every other clip too, so they end the stage and drop no clip."""


def to_document(row: ManifestRow) -> Document:
    """Return a row in the form in which datatrove passes it from block to block."""
    return Document(text="", id=row.clip_id, metadata=row.model_dump())


def from_document(document: Document) -> ManifestRow:
    """Return the row of a document that `to_document` made."""
    return ManifestRow.model_validate(document.metadata)


class ReadManifest(PipelineStep):
    """Distribute the rows of a manifest to tasks: row i goes to task i modulo the number of tasks.

    With ``kept_only``, rows that a stage dropped are removed before they are counted.
    """

    name = "read manifest"
    type = "reader"

    def __init__(self, manifest: Path, *, kept_only: bool = False) -> None:
        super().__init__()
        self.manifest = str(manifest)
        self.kept_only = kept_only

    def run(self, data: Iterable[Document] | None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield one document per row, with the row in its metadata."""
        for row in read_manifest(Path(self.manifest), kept_only=self.kept_only)[rank::world_size]:
            yield to_document(row)


class ClipStep(PipelineStep):
    """Process clips one by one, remember each result, and skip what an earlier run finished.

    A subclass sets `stage`, passes its settings to the constructor and implements `process`. The result of
    a clip is kept in `records/{clip_id}.json` with a hash of its inputs, written after the clip's media: a killed run
    resumes at the first clip without a valid record.

    Any failure inside one clip becomes that clip's reason. An unexpected exception is kept in `errors/{clip_id}.txt`,
    and the clip is dropped as `internal_error`. Only failures that would affect every clip end the stage: a
    `MMABenchError`, a full disk, or internal errors in most clips.
    """

    type = "clip step"
    stage: str

    def __init__(self, folder: Path, settings: Any) -> None:
        super().__init__()
        self.name = self.stage
        self.folder = Path(folder)
        self.settings = settings
        self._processed = self._internal_errors = 0

    @abstractmethod
    def process(self, row: ManifestRow) -> ManifestRow:
        """Return ``row`` with the results of this stage, or raise `Dropped`."""

    def outputs(self, row: ManifestRow) -> list[Path]:
        """Return the files that a finished ``row`` must have on disk."""
        return []

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Process the clips of this task; clips that an earlier stage dropped pass through."""
        for done, document in enumerate(data, start=1):
            row = from_document(document)
            if row.kept:
                row = self._remembered(row) or self._process_and_remember(row)
                self.stat_update(row.reason or "kept")
            write_progress(self.folder, rank, done)
            yield to_document(row)

    def _process_and_remember(self, row: ManifestRow) -> ManifestRow:
        self._processed += 1
        try:
            result = self.process(row)
        except Dropped as drop:
            result = row.drop(self.stage, drop.reason, drop.detail)
        except (MMABenchError, MemoryError):
            raise
        except Exception as error:  # hostile media trigger every kind of exception
            if isinstance(error, OSError) and error.errno in _MACHINE_FAULTS:
                raise
            result = self._internal_error(row, error)
        write_json(self._record(row), {"inputs": self._inputs(row), "row": result.model_dump(mode="json")})
        return result

    def _internal_error(self, row: ManifestRow, error: Exception) -> ManifestRow:
        """Keep the exception and return the dropped row; raise if most clips fail."""
        self._internal_errors += 1
        kept = self.folder / "errors" / f"{row.clip_id}.txt"
        write_text(kept, "".join(traceback.format_exception(error)))
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
        if self._internal_errors > _MOST_INTERNAL_ERRORS and 2 * self._internal_errors > self._processed:
            raise MMABenchError(
                f"{self.stage}: {self._internal_errors} of {self._processed} clips failed with an internal error, the "
                f"last, {row.file}, with {said}; the clips are probably not the cause: see {kept.parent}, then run the "
                "same command again"
            ) from error
        return row.drop(self.stage, INTERNAL_ERROR, said)

    def _remembered(self, row: ManifestRow) -> ManifestRow | None:
        try:
            record = parse_json(self._record(row).read_text(encoding="utf-8"))
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
        """Write the rows when the task is finished, then pass them on."""
        documents = list(data)
        rows = [from_document(document) for document in documents]
        write_manifest(self.folder / "parts" / f"{rank:05d}.parquet", rows)
        yield from documents


def write_progress(folder: Path, rank: int, done: int) -> None:
    """Write the number of finished items of a task for the progress bar of the main process."""
    path = folder / "progress" / f"{rank:05d}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(done), encoding="ascii")
