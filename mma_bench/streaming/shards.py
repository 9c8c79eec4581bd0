"""Read members of shards by the index, hashed ahead in threads, in any number of processes.

The headers of a shard are read once, to detect what does not belong there: a pickle, a path that leaves the folder, a
link, a length that the file does not have. `mma_bench.dataset.shards` opens and reads shards.
"""

import multiprocessing
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from mma_bench.dataset.shards import Member, ShardFile
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes
from mma_bench.schema import MAX_MEMBER_BYTES, MEMBERS
from mma_bench.streaming.table import ShardTable

REASONS = ("foreign_member", "unreadable", "wrong_hash", "undecodable")
"""Why something was left out: an unexpected member, a short or missing file, bytes that do not match the
index, or bytes that are not a video, audio or a question."""

Verify = Literal["once", "always", "never"]
_OPEN_FILES = 16
_HASHING_THREADS = 2


class BadSampleError(MMABenchError):
    """A sample that cannot be used.

    Attributes:
        reason: one of `REASONS`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type["BadSampleError"], tuple[str, str]]:
        return type(self), (self.reason, str(self))


class Tally:
    """Counts of what was left out and what was verified, in memory shared by the worker processes."""

    def __init__(self, table: ShardTable) -> None:
        context = multiprocessing.get_context()
        self._counts = context.Array("Q", len(REASONS))
        self._verified = context.RawArray("B", len(table) * len(MEMBERS))
        self._walked = context.RawArray("B", len(table.shards))

    def add(self, reason: str) -> None:
        """Count something that was left out."""
        with self._counts.get_lock():
            self._counts[REASONS.index(reason)] += 1

    def counts(self) -> dict[str, int]:
        """Return how much was left out for each reason."""
        return {reason: int(self._counts[i]) for i, reason in enumerate(REASONS)}

    def is_verified(self, row: int, member: int) -> bool:
        """Whether some process has checked the hash of a member."""
        return bool(self._verified[row * len(MEMBERS) + member])

    def set_verified(self, row: int, member: int) -> None:
        """Remember that the hash of a member was correct."""
        self._verified[row * len(MEMBERS) + member] = 1

    def set_all_verified(self, begin: int, end: int) -> None:
        """Mark all members of the rows from ``begin`` up to ``end`` as verified."""
        count = (end - begin) * len(MEMBERS)
        self._verified[begin * len(MEMBERS) : end * len(MEMBERS)] = [1] * count

    def are_verified(self, begin: int, end: int) -> bool:
        """Whether the hash of every member of the rows from ``begin`` up to ``end`` was checked."""
        return 0 not in self._verified[begin * len(MEMBERS) : end * len(MEMBERS)]

    def all_verified(self) -> bool:
        """Whether the hash of every member was checked."""
        return 0 not in bytes(self._verified)

    def claim_walk(self, shard: int) -> bool:
        """Whether the caller is the first to check the headers of a shard."""
        with self._counts.get_lock():
            first = not self._walked[shard]
            self._walked[shard] = 1
        return first


class ShardReader:
    """Reads members, and keeps the last few files open. Belongs to one iteration in one process (`fresh`).

    SHA-256 takes longer than reading, so members that will be needed next can be read and hashed in threads
    (`expect`); hashing releases the interpreter's lock.
    """

    def __init__(self, table: ShardTable, tally: Tally, *, verify: Verify, refuse: bool) -> None:
        self._table = table
        self._tally = tally
        self._verify = verify
        self._refuse = refuse
        self._files: dict[int, ShardFile] = {}
        self._expected: dict[tuple[int, int], Future[bytes]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_files": {}, "_expected": {}, "_pool": None, "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def fresh(self) -> "ShardReader":
        """Return a reader of the same shards with files and threads of its own, for this process."""
        return ShardReader(self._table, self._tally, verify=self._verify, refuse=self._refuse)

    def close(self) -> None:
        """Close the files and end the threads. The reader must not be used afterwards."""
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._expected.clear()
        while self._files:
            self._files.popitem()[1].close()

    def must_hash(self) -> bool:
        """Whether some member has to be hashed when it is read."""
        return self._verify == "always" or (self._verify == "once" and not self._tally.all_verified())

    def expect(self, row: int, member: int) -> None:
        """Start reading and hashing a member that `read` will return later, unless it need not be hashed."""
        if self._is_trusted(row, member) or (row, member) in self._expected:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_HASHING_THREADS, thread_name_prefix="mma-bench-hash")
        self._expected[row, member] = self._pool.submit(self._read, row, member)

    def forget(self, members: Iterable[tuple[int, int]]) -> None:
        """Discard expected members that are not needed because their sample is bad."""
        for member in members:
            self._expected.pop(member, None)

    def read(self, row: int, member: int) -> bytes:
        """Return the bytes of member number ``member`` (see `MEMBERS`) of the sample ``row``.

        Raises:
            BadSampleError: they are missing, truncated or do not match the index.
        """
        expected = self._expected.pop((row, member), None)
        return expected.result() if expected else self._read(row, member)

    def _is_trusted(self, row: int, member: int) -> bool:
        return self._verify == "never" or (self._verify == "once" and self._tally.is_verified(row, member))

    def _read(self, row: int, member: int) -> bytes:
        table = self._table
        size = int(table.sizes[row, member])
        where = f"{table.path(int(table.shard[row]))}: {table.key(row)}.{MEMBERS[member]}"
        try:
            with self._lock:  # another thread may close the least recently used file
                content = self._file(int(table.shard[row])).read(int(table.offsets[row, member]), size)
        except (OSError, ValueError) as error:
            raise BadSampleError(
                "unreadable", f"{where} cannot be read: {error}; build or download it again"
            ) from error
        if len(content) != size:
            raise BadSampleError(
                "unreadable", f"{where} is truncated: the shard ends early; build or download it again"
            )
        if not self._is_trusted(row, member):
            if sha256_bytes(content) != bytes(table.hashes[row, member]).decode():
                raise BadSampleError("wrong_hash", f"{where} has a wrong hash; build or download it again")
            self._tally.set_verified(row, member)
        return content

    def _file(self, shard: int) -> ShardFile:
        """Return an open file."""
        if shard not in self._files:
            opened = ShardFile(self._table.folder, self._table.shards[shard])
            try:
                if self._tally.claim_walk(shard):
                    self._walk(opened, self._table.path(shard))
            except BaseException:
                opened.close()
                raise
            while len(self._files) >= _OPEN_FILES:
                self._files.pop(next(iter(self._files))).close()
            self._files[shard] = opened
        return self._files[shard]

    def _walk(self, shard: ShardFile, path: Path) -> None:
        for found in shard.members():
            # A truncated tar is detected by its missing sample, and nothing reads what follows the end marker.
            harmless = ("truncated", "hidden_data")
            if isinstance(found, Member) or (found.kind in harmless and found.size <= MAX_MEMBER_BYTES):
                continue
            self._tally.add("foreign_member")
            if self._refuse:
                raise BadSampleError("foreign_member", f"{path}: {found.detail}; do not trust this dataset")
