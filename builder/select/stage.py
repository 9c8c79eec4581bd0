"""The `select` stage: the clips that the source lists, without those that were removed for good."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.manifest import ManifestRow, unique
from builder.manifest_file import Manifest
from builder.sources.base import Source
from builder.sources.removed import leave_out_removed
from builder.stage import WholeStage
from mma_bench.dataset.removed import RemovedIds
from mma_bench.errors import MMABenchError
from mma_bench.models.own import module_hash, place_of
from mma_bench.registry import one_line

if TYPE_CHECKING:
    from builder.job import Job


class SelectClips(WholeStage):
    """List the clips of the source. A clip that the list itself makes unusable is dropped here."""

    name = "select"
    only_rows = True

    def __init__(self, folder: Path, source: Source, removed: RemovedIds) -> None:
        super().__init__(folder)
        self.source = source
        self.always_runs = source.rows_are_decided_by() is None
        self.removed = removed

    @classmethod
    def of(cls, job: "Job") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.source, job.removed)

    def inputs(self) -> Any:
        """Return what decides the rows of the source, and the removed ids."""
        kind = type(self.source)
        code = [] if kind.__module__.startswith("builder.") else [module_hash(kind.__module__)]
        decided_by = [self.source.asked_by, self.source.rows_are_decided_by()]
        return [self.source.name, kind.__qualname__, code, *decided_by, sorted(self.removed.ids)]

    def run(self, clips: Manifest) -> Iterator[ManifestRow]:
        """Return the clips of the source; there are none before."""
        return unique(leave_out_removed(self._listed(), self.removed))

    def _listed(self) -> Iterator[ManifestRow]:
        """Yield the rows of the source; raise one clear error if a user's source fails."""
        kind = type(self.source)
        try:
            for row in self.source.rows():
                if not isinstance(row, ManifestRow):
                    raise TypeError(f"rows returned a {type(row).__name__} instead of a ManifestRow")
                yield row
        except Exception as error:
            if isinstance(error, MMABenchError) or kind.__module__.startswith("builder."):
                raise
            said = f"the source {self.source.name} failed: {one_line(error)}{place_of(error, kind)}"
            raise MMABenchError(said) from error
