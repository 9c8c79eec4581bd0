"""The one reader of shards: `load`, `stream`, `verify-data`, the exports and the harnesses all read through it.

It trusts neither the tar nor the index. A shard must be a regular file inside the dataset's folder. It is never
unpacked, and the names of its members never become paths: the index says where a member is, and its bytes must have
the hash that the index gives. `tarfile` and WebDataset follow links, and long-name and pax headers, whose length the
file chooses. Our shards hold plain files only, so one 512-byte header is read at a time and everything else is named
and stepped over.
"""

import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType

from mma_bench.files.regular import open_inside
from mma_bench.files.text import shown
from mma_bench.schema import KEY_PATTERN, MAX_MEMBER_BYTES, MEMBERS

MAX_SHARD_BYTES = 64 << 30
"""Larger files are refused by the hub; a sparse file can claim any size."""

_NAME = re.compile(f"({KEY_PATTERN.strip('^$')})\\.({'|'.join(MEMBERS)})")
_RUNS_CODE = {".pickle", ".pkl", ".pyd", ".pth", ".pt", ".ten", ".npy", ".npz", ".joblib"}
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Member:
    """Where one file of a shard is.

    Attributes:
        key: key of its sample.
        kind: `flac`, `json` or `mp4`.
        offset: first byte of the content in the tar.
        size: bytes.
    """

    key: str
    kind: str
    offset: int
    size: int


@dataclass(frozen=True)
class Foreign:
    """Something in a shard that should not be there.

    Attributes:
        kind: what sort, as a code for scripts.
        detail: what was found, in words; names are escaped.
        size: bytes that its header claims, 0 if it has no header.
    """

    kind: str
    detail: str
    size: int = 0


class ShardFile:
    """An open shard. A context manager; `close` may be called twice.

    Args:
        folder: the dataset's folder.
        name: path of the tar, relative to ``folder``.

    Raises:
        OSError: it cannot be opened; `mma_bench.files.regular.UnsafeFileError` if it must not be.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._handle: int | None = open_inside(folder, name, MAX_SHARD_BYTES)

    def __enter__(self) -> "ShardFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def status(self) -> os.stat_result:
        """Return size, inode and times of the file that is open."""
        return os.fstat(self._open())

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from byte ``offset``, fewer if the file ends before.

        Raises:
            ValueError: no member of a shard can be there or have this size.
            OSError: reading failed.
        """
        if not (0 <= offset <= MAX_SHARD_BYTES and 0 <= size <= MAX_MEMBER_BYTES):
            raise ValueError(f"{size} bytes at byte {offset} cannot be a member of a shard")
        return os.pread(self._open(), size, offset)

    def members(self) -> Iterator[Member | Foreign]:
        """Walk the headers and yield what they announce, reading no content.

        The walk ends at the first header that cannot be followed; the last thing it yields says so.
        """
        end = self.status().st_size
        at = 0
        while True:
            header = self.read(at, _BLOCK)
            try:
                info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            except (tarfile.HeaderError, ValueError):
                yield from self._end(header, at, end)
                return
            begin = at + _BLOCK
            if not 0 <= info.size <= end - begin:
                text = f"{shown(info.name)} claims {info.size} bytes where {max(0, end - begin)} are left"
                yield Foreign("truncated", text, info.size)
                return
            yield _member(info, begin)
            at = begin + -(-info.size // _BLOCK) * _BLOCK

    def _end(self, header: bytes, at: int, end: int) -> Iterator[Foreign]:
        if header == bytes(_BLOCK):
            # Two blocks, then padding to a whole record: no more is read, because a sparse file can have any length.
            rest = self.read(at, 2 * _BLOCK + tarfile.RECORDSIZE)
            if any(rest):
                yield Foreign("hidden_data", "there is data after the end mark of the tar")
            elif end - at > len(rest):
                yield Foreign("hidden_data", f"{end - at} bytes follow the end mark of the tar, more than its padding")
        elif len(header) < _BLOCK:
            yield Foreign("truncated", "the tar ends without its end mark")
        else:
            yield Foreign("bad_header", f"no tar header at byte {at}; the rest cannot be read")

    def _open(self) -> int:
        if self._handle is None:
            raise ValueError("the shard is closed")
        return self._handle


def _member(info: tarfile.TarInfo, begin: int) -> Member | Foreign:
    name = _NAME.fullmatch(info.name)
    named = shown(info.name)
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        kind = shown(info.type.decode("latin-1"))
        return Foreign("special_member", f"{named} is a link, a device or a header of type {kind}", info.size)
    if name is None:
        return _bad_name(info.name, info.size)
    if info.size > MAX_MEMBER_BYTES:
        return Foreign("oversized_member", f"{named} claims {info.size} bytes, more than any stream", info.size)
    return Member(name[1], name[2], begin, info.size)


def _bad_name(name: str, size: int) -> Foreign:
    path = PurePosixPath(name)
    named = shown(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        return Foreign("unsafe_name", f"{named} would be written outside the folder", size)
    if path.suffix.lower() in _RUNS_CODE:
        return Foreign("pickle_member", f"{named}: loaders execute what such a file says; do not load it", size)
    return Foreign("unexpected_member", f"{named} is not KEY.{', KEY.'.join(MEMBERS)}", size)
