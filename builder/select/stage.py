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

if TYPE_CHECKING:
    from builder.job import Job


class SelectClips(WholeStage):
    """List the clips of the source. A clip that the list itself makes unusable is dropped here."""

    name = "select"

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
        return [self.source.rows_are_decided_by(), sorted(self.removed.ids)]

    def run(self, clips: Manifest) -> Iterator[ManifestRow]:
        """Return the clips of the source; there are none before."""
        return unique(leave_out_removed(self.source.rows(), self.removed))
