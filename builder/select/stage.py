"""The `select` stage: the clips that the source lists, without those that were removed for good."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

from builder.manifest import ManifestRow, check_unique
from builder.sources.base import Source
from builder.sources.removed import leave_out_removed
from builder.stage import WholeStage
from mma_bench.dataset.removed import RemovedIds

if TYPE_CHECKING:
    from builder.job import Job


class SelectClips(WholeStage):
    """List the clips of the source. A clip that the list itself makes unusable is dropped here."""

    name = "select"
    always_runs = True

    def __init__(self, folder: Path, source: Source, removed: RemovedIds) -> None:
        super().__init__(folder)
        self.source = source
        self.removed = removed

    @classmethod
    def of(cls, job: "Job") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.source, job.removed)

    def run(self, rows: list[ManifestRow]) -> list[ManifestRow]:
        """Return the clips of the source; there are none before."""
        listed = leave_out_removed(self.source.rows(), self.removed)
        check_unique(listed)
        return listed
