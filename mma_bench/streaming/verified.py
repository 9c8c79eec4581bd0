"""Remembers which shards on this machine were verified, so that only the first run over a dataset hashes them."""

import os
from pathlib import Path

import numpy as np

from mma_bench.files.cache import cache_folder
from mma_bench.files.hashing import sha256_bytes, sha256_json
from mma_bench.streaming.shards import Tally
from mma_bench.streaming.table import ShardTable


class VerifiedShards:
    """Marks shards in which every member was verified, and recognises marked shards.

    A mark is an empty file in the cache folder. Its name is a hash of the shard's path, device, inode, size and times
    of change, and of the offsets, sizes and hashes that were verified: after any change, the mark no longer fits. The
    change time of the inode, unlike that of the content, cannot be set back.
    """

    def __init__(self, table: ShardTable, tally: Tally) -> None:
        self._table = table
        self._tally = tally
        ends = np.searchsorted(table.shard, np.arange(len(table.shards) + 1))
        self._rows = [(int(ends[i]), int(ends[i + 1])) for i in range(len(table.shards))]
        # Computed before anything is read: a shard that is replaced meanwhile has a different mark at the end.
        self._marks = [self._mark(shard) for shard in range(len(table.shards))]
        self._open = [shard for shard in range(len(table.shards)) if not self._recall(shard)]

    def remember(self) -> None:
        """Mark the shards that are completely verified."""
        for shard in list(self._open):
            mark = self._marks[shard]
            if mark and self._tally.are_verified(*self._rows[shard]):
                self._open.remove(shard)
                if self._mark(shard) == mark:
                    _touch(mark)

    def _recall(self, shard: int) -> bool:
        mark = self._marks[shard]
        if mark is None or not os.access(mark, os.F_OK):
            return False
        self._tally.set_all_verified(*self._rows[shard])
        return True

    def _mark(self, shard: int) -> Path | None:
        table, rows = self._table, slice(*self._rows[shard])
        try:
            path = table.path(shard).resolve()
            state, folder = path.stat(), cache_folder()
        except (OSError, RuntimeError):
            return None  # reading the shard will report the problem; without a home folder there is no cache
        members = b"".join(column[rows].tobytes() for column in (table.offsets, table.sizes, table.hashes))
        times = [state.st_mtime_ns, state.st_ctime_ns]
        found = [str(path), state.st_dev, state.st_ino, state.st_size, times, sha256_bytes(members)]
        return folder / "verified" / sha256_json(found)


def _touch(mark: Path) -> None:
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError:
        pass  # a cache that cannot be written only costs time
