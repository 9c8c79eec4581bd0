"""Clips that were taken out of a dataset for good: the file `removed_ids.txt`."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mma_bench.dataset.layout import REMOVED_IDS
from mma_bench.errors import MMABenchError
from mma_bench.files.regular import read_inside
from mma_bench.schema import KEY_PATTERN, Stimulus

_ID = re.compile(KEY_PATTERN)
_HEADER = """\
# Clips that were removed from this dataset: ids of clips, or YouTube ids for all segments of a video.
# The builder leaves them out, `mma-bench verify-data` reports them and `mma_bench.load` skips them.
"""


@dataclass(frozen=True)
class RemovedIds:
    """The ids that may no longer be used."""

    ids: frozenset[str] = frozenset()

    def __contains__(self, clip_id: object) -> bool:
        """Whether the clip, or the video that it was cut from, was removed."""
        if not isinstance(clip_id, str):
            return False
        return clip_id in self.ids or clip_id.rpartition("_")[0] in self.ids

    def __or__(self, other: "RemovedIds") -> "RemovedIds":
        return RemovedIds(self.ids | other.ids)

    def cover(self, stimulus: Stimulus) -> bool:
        """Return whether ``stimulus`` contains video or audio of a removed clip, even mixed into another."""
        streams = (stimulus.video, stimulus.audio)
        return any(clip_id in self for stream in streams for clip_id in (stream.clip_id, stream.donor_clip_id))

    def text(self) -> str:
        """Return the content of the file."""
        return _HEADER + "".join(f"{name}\n" for name in sorted(self.ids))


def check_id(name: str) -> str:
    """Return ``name``, or raise MMABenchError if it cannot be the id of a clip or a video."""
    if not _ID.fullmatch(name):
        raise MMABenchError(f"{name[:100]!r} is not the id of a clip; metadata/clips.parquet lists them")
    return name


def read_removed_ids(path: Path) -> RemovedIds:
    """Read a list of removed ids: one a line, `#` begins a comment.

    ``path`` is the file, or a dataset's folder, which may lack it.

    Raises:
        MMABenchError: the file cannot be read, or a line is no id.
    """
    file = path / REMOVED_IDS if path.is_dir() else path
    if file is not path and not os.path.lexists(file):
        return RemovedIds()
    try:
        content = read_inside(path, REMOVED_IDS) if file is not path else file.read_bytes()
        lines = content.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MMABenchError(f"cannot read the removed ids in {file}: {error}") from error
    return RemovedIds(frozenset(_ids(lines, file)))


def _ids(lines: Iterable[str], file: Path) -> Iterable[str]:
    for number, line in enumerate(lines, start=1):
        name = line.partition("#")[0].strip()
        if name and not _ID.fullmatch(name):
            raise MMABenchError(f"{file}, line {number}: {name[:100]!r} is not the id of a clip or a video; correct it")
        if name:
            yield name
