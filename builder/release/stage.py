"""The `release` stage: drop what may not be published before partners are chosen from the rest."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from builder.licences import is_creative_commons
from builder.manifest import ManifestRow
from builder.manifest_file import Manifest
from builder.package.settings import LicenceMode
from builder.stage import WholeStage

if TYPE_CHECKING:
    from builder.run import Build


class ReleaseClips(WholeStage):
    """Drop the clips whose licence the licence mode does not allow."""

    name = "release"
    only_rows = True

    def __init__(self, folder: Path, mode: LicenceMode) -> None:
        super().__init__(folder, mode)
        self.mode = mode

    @classmethod
    def of(cls, job: "Build") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.licence_mode)

    def changes_nothing(self) -> bool:
        """Return whether all licences are allowed."""
        return self.mode != "cc-only"

    def run(self, clips: Manifest) -> Iterator[ManifestRow]:
        """Return ``clips`` with what may not be published dropped."""
        for row in clips:
            if is_creative_commons(row.licence):
                yield row
            else:
                yield row.drop(self.name, "licence", f"{row.licence!r} does not allow altered copies to be published")
