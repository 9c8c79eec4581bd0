"""What a run of the stages works on, from which each stage takes what it needs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from builder.executors import ExecutorSettings
from builder.normalise.settings import NormaliseSettings
from mma_bench.dataset.removed import RemovedIds

if TYPE_CHECKING:
    from builder.manifest_file import Manifest
    from builder.package.contents import DatasetContents
    from builder.sources.base import Source


@dataclass(frozen=True, kw_only=True)
class Job(ABC):
    """One build or one hydration.

    Attributes:
        work: the work folder.
        out: folder of the dataset.
        source: where clips come from.
        normalise: how they are cut and encoded.
        executor: where tasks run.
        removed: ids of clips to leave out.
    """

    work: Path
    out: Path
    source: "Source"
    normalise: NormaliseSettings
    executor: ExecutorSettings
    removed: RemovedIds = field(default_factory=RemovedIds)

    def folder(self, stage: str) -> Path:
        """Return the folder of the stage called ``stage``."""
        return self.work / stage

    @property
    def clips(self) -> Path:
        """Folder of the normalised streams."""
        return self.folder("normalise") / "clips"

    @property
    def stimuli(self) -> Path:
        """Parquet file of the stimuli."""
        return self.folder("assemble") / "stimuli.parquet"

    @property
    def streams(self) -> Path:
        """Folder of generated and graded streams."""
        return self.folder("assemble") / "streams"

    @abstractmethod
    def contents(self, clips: "Manifest") -> "DatasetContents":
        """Return what the dataset will say of itself, once the stage `assemble` is finished."""
