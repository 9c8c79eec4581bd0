"""The `package` stage: the dataset's folder."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from builder.manifest import ManifestRow
from builder.manifest_file import Manifest
from builder.package.dataset import PackageInputs, package_dataset
from builder.stage import WholeStage

if TYPE_CHECKING:
    from builder.job import Job


class PackageDataset(WholeStage):
    """Write the dataset, unless it is in place already; the folder of the dataset itself tells."""

    name = "package"
    only_rows = True
    counts_clips = False
    always_runs = True

    def __init__(self, job: "Job") -> None:
        super().__init__(job.folder(self.name))
        self.job = job

    @classmethod
    def of(cls, job: "Job") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job)

    def run(self, clips: Manifest) -> Iterable[ManifestRow]:
        """Write the dataset of ``clips``; they pass as they are."""
        job = self.job
        inputs = PackageInputs(job.stimuli, clips, job.clips, job.streams, job.contents(clips))
        package_dataset(inputs, self.folder, job.out, job.executor.for_stage(self.name))
        return ()
