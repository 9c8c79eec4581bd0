"""The datatrove blocks that run a `ClipStage`: rows of a manifest in, finished or dropped rows out."""

import errno
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.manifest import ManifestRow, read_manifest, write_manifest
from builder.stage import BatchStage, ClipStage, Dropped, write_progress
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json, write_text
from mma_bench.files.documents import parse_json

INTERNAL_ERROR = "internal_error"
_MOST_INTERNAL_ERRORS = 20
"""Of one task, if they are also most of its clips: then the clips are not at fault."""

_MACHINE_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
"""No other clip would survive these either, so they end the stage and drop no clip."""


def to_document(row: ManifestRow) -> Document:
    """Return a row in the form in which datatrove passes it between blocks."""
    return Document(text="", id=row.clip_id, metadata=row.model_dump())


def from_document(document: Document) -> ManifestRow:
    """Return the row of a document that `to_document` made."""
    return ManifestRow.model_validate(document.metadata)


class ReadManifest(PipelineStep):
    """Assign the kept rows of a manifest to tasks: row i goes to task i modulo the number of tasks."""

    name = "read manifest"
    type = "reader"

    def __init__(self, manifest: Path) -> None:
        super().__init__()
        self.manifest = str(manifest)

    def run(self, data: Iterable[Document] | None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield one document per row, with the row in its metadata."""
        for row in read_manifest(Path(self.manifest), kept_only=True)[rank::world_size]:
            yield to_document(row)


class ClipStep(PipelineStep):
    """Process clips one by one, record each result, and skip what an earlier run finished.

    What the stage changed in a clip's row is recorded in `records/{clip_id}.json` with a hash of what it was made from,
    written after the clip's media: a run that was killed continues at the first clip without a valid record.

    Whatever goes wrong in one clip drops that clip. An unexpected exception is written to `errors/{clip_id}.txt`, and
    the clip is dropped as `internal_error`. Only what would fail for every clip ends the stage: a `MMABenchError`, a
    full disk, or internal errors in most clips.
    """

    type = "clip step"

    def __init__(self, stage: ClipStage) -> None:
        super().__init__()
        self.name = stage.name
        self.stage = stage
        self._processed = self._internal_errors = 0

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Process the clips of this task."""
        rows = [from_document(document) for document in data]
        results = {row.clip_id: found for row in rows if (found := self._recorded(row))}
        write_progress(self.stage.folder, rank, len(results))
        waiting = [row for row in rows if row.clip_id not in results]
        for row, result in self._process(waiting):
            self._record(row, result)
            results[row.clip_id] = result
            write_progress(self.stage.folder, rank, len(results))
        for row in rows:
            result = results[row.clip_id]
            result = self.stage.decide(result) if result.kept else result
            self.stat_update(result.reason or "kept")
            yield to_document(result)

    def _process(self, rows: Sequence[ManifestRow]) -> Iterator[tuple[ManifestRow, ManifestRow]]:
        """Yield each row as it was and with its result."""
        if not isinstance(self.stage, BatchStage):
            for row in rows:
                yield row, self._processed_row(row)
            return
        size = self.stage.clips_at_a_time
        by_id = {row.clip_id: row for row in rows}
        for start in range(0, len(rows), size):
            for result in self.stage.process_batch(rows[start : start + size]):
                yield by_id[result.clip_id], result

    def _processed_row(self, row: ManifestRow) -> ManifestRow:
        self._processed += 1
        try:
            result = self.stage.process(row)
            if not isinstance(result, ManifestRow) or result.clip_id != row.clip_id:
                raise TypeError("process returned something else than the clip's row")
            return result
        except Dropped as drop:
            return row.drop(self.name, drop.reason, drop.detail)
        except (MMABenchError, MemoryError):
            raise
        except Exception as error:  # hostile media trigger every kind of exception
            if isinstance(error, OSError) and error.errno in _MACHINE_FAULTS:
                raise
            return self._internal_error(row, error)

    def _internal_error(self, row: ManifestRow, error: Exception) -> ManifestRow:
        """Keep the exception and return the dropped row; raise if most clips fail."""
        self._internal_errors += 1
        kept = self.stage.folder / "errors" / f"{row.clip_id}.txt"
        write_text(kept, "".join(traceback.format_exception(error)))
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
        if self._internal_errors > _MOST_INTERNAL_ERRORS and 2 * self._internal_errors > self._processed:
            raise MMABenchError(
                f"{self.name}: {self._internal_errors} of {self._processed} clips failed with an internal error, the "
                f"last, {row.file}, with {said}; the clips are probably not the cause: see {kept.parent}, then run the "
                "same command again"
            ) from error
        return row.drop(self.name, INTERNAL_ERROR, said)

    def _record(self, row: ManifestRow, result: ManifestRow) -> None:
        """Keep what ``result`` says other than ``row``."""
        before, after = row.model_dump(mode="json"), result.model_dump(mode="json")
        found = {name: value for name, value in after.items() if value != before[name]}
        write_json(record_path(self.stage.folder, row.clip_id), {"inputs": self.stage.record_key(row), "found": found})

    def _recorded(self, row: ManifestRow) -> ManifestRow | None:
        """Return ``row`` with what an earlier run found out, if that still holds."""
        try:
            record = parse_json(record_path(self.stage.folder, row.clip_id).read_text(encoding="utf-8"))
            result = row.changed(**record["found"])
            valid = record["inputs"] == self.stage.record_key(row)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not valid:
            return None
        return result if not result.kept or all(path.is_file() for path in self.stage.outputs(result)) else None


def record_path(folder: Path, clip_id: str) -> Path:
    """Return where the stage in ``folder`` records what it found out about a clip."""
    return folder / "records" / f"{clip_id}.json"


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
