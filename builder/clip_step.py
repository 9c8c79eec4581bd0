"""The datatrove block that runs a `ClipStage` on a range of a manifest's rows."""

import errno
import json
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from builder.manifest import ManifestRow
from builder.manifest_file import Manifest, manifest_writer
from builder.results import Record, Results, SegmentWriter
from builder.stage import BatchStage, ClipStage, Dropped, Progress, WithColumns
from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_json
from mma_bench.models.own import place_of
from mma_bench.registry import one_line

INTERNAL_ERROR = "internal_error"
_MOST_INTERNAL_ERRORS = 20
"""Of one task, if they are also most of its clips: then the clips are not at fault."""

_MACHINE_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
"""No other clip would survive these either, so they end the stage and drop no clip."""

_CLIPS_AT_A_TIME = 1024
_SECONDS_AT_RISK = 0.25
"""Results of more work than this are written at once, so that a kill loses no more."""


class ClipStep(PipelineStep):
    """Process the clips of a range of rows one by one, record each result, and skip what an earlier run finished.

    What the stage changed in a clip's row is recorded with a hash of what it was made from (`builder.results`), after
    the clip's media were written: a run that was killed continues at the first clip without a valid record.

    Whatever goes wrong in one clip drops that clip. An unexpected exception is written to `errors/{task}.txt`, and
    the clip is dropped as `internal_error`. Only what would fail for every clip ends the stage: a `MMABenchError`, a
    full disk, or internal errors in most clips.

    Args:
        stage: what to do.
        source: the manifest of the stage before.
        bounds: the row at which the range of each task begins, and the end of the last one.
        run: number of this run of the stage.
        parts: folder for the rows of each task.
    """

    type = "clip step"

    def __init__(self, stage: ClipStage, source: Path, bounds: Sequence[int], run: int, parts: Path) -> None:
        super().__init__()
        self.name = stage.name
        self.stage = stage
        self.source = source
        self.bounds = list(bounds)
        self.number = run
        self.parts = parts
        self._processed = self._internal_errors = self._rank = 0

    def run(self, data: Iterable[Document] | None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Process the clips of this task, and write their rows."""
        self._rank = rank
        source, start, stop = Manifest(self.source), self.bounds[rank], self.bounds[rank + 1]
        results = Results(self.stage.folder, self.stage.columns())
        found = results.find(source.column("clip_id", start, stop))
        rows = source.rows(start, stop, kept_only=True)
        progress = Progress(self.stage.folder, rank)
        writer = _Recorder(self.stage, results.writer(self.number, rank))
        at = 0
        with manifest_writer(part_path(self.parts, rank)) as part:
            while some := list(islice(rows, _CLIPS_AT_A_TIME)):
                records = found.records(at, at + len(some))
                earlier = {row.clip_id: self._recorded(row, record) for row, record in zip(some, records, strict=True)}
                finished = {clip_id: row for clip_id, row in earlier.items() if row}
                progress.advance(len(finished))
                for row, result in self._process([row for row in some if row.clip_id not in finished]):
                    finished[row.clip_id] = writer.add(row, result)
                    progress.advance()
                if missing := next((row.clip_id for row in some if row.clip_id not in finished), None):
                    raise MMABenchError(f"the stage {self.name} returned nothing for {missing}; see builder.stage")
                part.add_rows(self._decided(finished[row.clip_id]) for row in some)
                at += len(some)
            writer.close()
        progress.note()
        yield from ()

    def _decided(self, result: ManifestRow) -> ManifestRow:
        decided = self.stage.decide(result) if result.kept else result
        self.stat_update(decided.reason or "kept")
        return decided

    def _process(self, rows: Sequence[ManifestRow]) -> Iterator[tuple[ManifestRow, ManifestRow | WithColumns]]:
        """Yield each row as it was and with its result."""
        if not isinstance(self.stage, BatchStage):
            for row in rows:
                yield row, self._processed_row(row)
            return
        size = self.stage.clips_at_a_time
        by_id = {row.clip_id: row for row in rows}
        for start in range(0, len(rows), size):
            for result in self._batch(rows[start : start + size]):
                found = result.row if isinstance(result, WithColumns) else result
                if not isinstance(found, ManifestRow) or found.clip_id not in by_id:
                    raise MMABenchError(f"the stage {self.name} returned something else than a row of its batch")
                yield by_id[found.clip_id], result

    def _batch(self, rows: Sequence[ManifestRow]) -> Iterator[ManifestRow | WithColumns]:
        kind = type(self.stage)
        try:
            if isinstance(self.stage, BatchStage):
                yield from self.stage.process_batch(rows)
        except Dropped as drop:
            said = f"the stage {self.name} raised Dropped for a batch ({drop}); return `row.drop(...)` for the clip"
            raise MMABenchError(said) from drop
        except Exception as error:
            if isinstance(error, MMABenchError | OSError) or kind.__module__.startswith("builder."):
                raise
            raise MMABenchError(f"the stage {self.name} failed: {one_line(error)}{place_of(error, kind)}") from error

    def _processed_row(self, row: ManifestRow) -> ManifestRow | WithColumns:
        self._processed += 1
        try:
            result = self.stage.process(row)
            found = result.row if isinstance(result, WithColumns) else result
            if not isinstance(found, ManifestRow) or found.clip_id != row.clip_id:
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
        kept = self.stage.folder / "errors" / f"{self._rank:05d}.txt"
        kept.parent.mkdir(parents=True, exist_ok=True)
        with open(kept, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{row.clip_id}\n{''.join(traceback.format_exception(error))}\n")
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
        if self._internal_errors > _MOST_INTERNAL_ERRORS and 2 * self._internal_errors > self._processed:
            raise MMABenchError(
                f"{self.name}: {self._internal_errors} of {self._processed} clips failed with an internal error, the "
                f"last, {row.file}, with {said}; the clips are probably not the cause: see {kept.parent}, then run the "
                "same command again"
            ) from error
        return row.drop(self.name, INTERNAL_ERROR, said)

    def _recorded(self, row: ManifestRow, record: dict[str, Any] | None) -> ManifestRow | None:
        """Return ``row`` with what an earlier run found out, if that still holds."""
        if record is None or record["inputs"] != self.stage.record_key(row):
            return None
        try:
            result = row.changed(**parse_json(record["found"]))
        except (ValueError, TypeError):
            return None
        present = not result.kept or all(path.is_file() for path in self.stage.outputs(row.clip_id, result.media))
        return result if present else None


class _Recorder:
    """Records results, several at a time if they come fast."""

    def __init__(self, stage: ClipStage, segment: SegmentWriter) -> None:
        self._stage = stage
        self._segment = segment
        self._columns = (stage.columns() or pa.schema([])).names
        self._at_once = isinstance(stage, BatchStage)  # a result of it may have been paid for
        self._waiting: list[Record] = []
        self._written = time.monotonic()

    def add(self, row: ManifestRow, result: ManifestRow | WithColumns) -> ManifestRow:
        """Record what ``result`` says other than ``row``; return its row."""
        after, columns = (result.row, result.columns) if isinstance(result, WithColumns) else (result, {})
        if unknown := set(columns) - set(self._columns):
            raise MMABenchError(
                f"the stage {self._stage.name} returned a column {min(unknown)!r} that it did not declare"
            )
        found = json.dumps(_changes(row, after), ensure_ascii=False)
        self._waiting.append(Record(row.clip_id, self._stage.record_key(row), found, columns))
        if self._at_once or time.monotonic() - self._written > _SECONDS_AT_RISK:
            self._write()
        return after

    def close(self) -> None:
        """Write what is waiting."""
        self._write()
        self._segment.close()

    def _write(self) -> None:
        try:
            self._segment.append(self._waiting)
        except (pa.ArrowException, ValueError, TypeError, KeyError) as error:
            said = f"the stage {self._stage.name} returned a value that cannot be stored: {one_line(error)}"
            raise MMABenchError(said) from error
        self._waiting = []
        self._written = time.monotonic()


def _changes(before: ManifestRow, after: ManifestRow) -> dict[str, Any]:
    old, new = before.__dict__, after.__dict__
    changed = {name for name, value in new.items() if value is not old[name] and value != old[name]}
    return after.model_dump(mode="json", include=changed) if changed else {}


def part_path(parts: Path, rank: int) -> Path:
    """Return the file in which a task leaves its rows."""
    return parts / f"{rank:05d}.parquet"
