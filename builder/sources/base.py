"""What a source of clips offers to the pipeline."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.manifest import ManifestRow
from mma_bench.files.hashing import sha256_file


@dataclass(frozen=True)
class MediaFindings:
    """What is known about the media of some clips before they are fetched.

    Attributes:
        lines: where the media come from.
        problems: clips whose media are missing.
    """

    lines: Sequence[str] = ()
    problems: Sequence[str] = ()


def hashes_by_name(files: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of ``files`` by their names, of which the second of one name is called `NAME (2)`.

    Raises:
        OSError: a file cannot be read.
    """
    hashes: dict[str, str] = {}
    for file in files:
        names = itertools.chain([file.name], (f"{file.name} ({number})" for number in itertools.count(2)))
        name = next(name for name in names if name not in hashes)
        hashes[name] = sha256_file(file)
    return hashes


class Source(ABC):
    """A supplier of clips.

    `rows` and `class_names` are cheap; `prepare` runs once in the main process before any clip is fetched;
    `fetch` runs in the tasks, one clip at a time.
    """

    name: str
    asked_by: Any = None
    """The settings and the seed that the source was made from, as JSON values; see `builder.sources.make_source`."""

    fetch_workers: int | None = None
    """Clips fetched at a time if the network limits the speed; None for the executor's number of workers."""

    @abstractmethod
    def rows(self) -> Iterable[ManifestRow]:
        """List the clips. A clip that is unusable according to the list is returned as dropped.

        A generator keeps the memory of a long list small.
        """

    def rows_are_decided_by(self) -> Any:
        """Return what decides `rows` apart from settings, seed and code, as JSON values, such as hashes of lists.

        With the same value the clips are not listed again. None, the default, means that they are listed in each run:
        where a list names files that come and go.
        """
        return None

    @abstractmethod
    def class_names(self) -> list[str]:
        """Return the class names, in the order in which prompts offer them."""

    def super_classes(self) -> dict[str, str]:
        """Return the super-class of each class, or of those that have one."""
        return {}

    @abstractmethod
    def input_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each file that determines `rows` and `class_names`, by its name."""

    def state(self) -> str:
        """Return a value that changes when media that `fetch` returned earlier must be fetched again."""
        return ""

    def notices(self) -> list[str]:
        """Return what the list contains that is not a clip and is left out, for the console and the card."""
        return []

    def begins_at(self, row: ManifestRow, path: Path) -> float:
        """Return the second at which the clip's segment begins in ``path``, which `fetch` returned."""
        return row.start_seconds

    def can_succeed_later(self, reason: str) -> bool:
        """Return whether a clip that `fetch` dropped for ``reason`` is worth another try."""
        return False

    def check(self) -> None:
        """Check what a build needs before it fetches a clip, without a network. Raises MMABenchError."""
        return

    def media_findings(self, rows: Iterable[ManifestRow]) -> MediaFindings:
        """Return what is known about the media of ``rows`` without a network and without decoding."""
        return MediaFindings()

    def prepare(self) -> None:
        """Download what all clips share. Raises MMABenchError if that fails."""
        return

    @abstractmethod
    def fetch(self, row: ManifestRow, folder: Path) -> Path:
        """Return the clip's media file, created below ``folder`` unless it already exists elsewhere.

        Raises:
            Dropped: the media of this clip are not available.
        """
