"""Read a tar member by member without trusting a byte of it.

`tarfile` and WebDataset follow long-name and pax headers, whose length the file chooses, and links. Our shards
hold plain files only, so one 512-byte header is read at a time and everything else is named and stepped over.
"""

import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mma_bench.layout import MEMBERS
from mma_bench.schema import KEY_PATTERN
from mma_bench.verification.problems import Problem, shown

MAX_MEMBER_BYTES = 256 * 2**20
"""A clip of 10 s takes under 10 MB. Nothing larger is read into memory."""

_NAME = re.compile(f"({KEY_PATTERN.strip('^$')})\\.({'|'.join(MEMBERS)})")
_RUNS_CODE = {".pickle", ".pkl", ".pyd", ".pth", ".pt", ".ten", ".npy", ".npz", ".joblib"}
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Member:
    """One file of a shard.

    Attributes:
        key: key of its sample.
        kind: `flac`, `json` or `mp4`.
        offset: first byte of the content in the tar.
        content: all of it.
    """

    key: str
    kind: str
    offset: int
    content: bytes


def read_shard(path: Path, where: str) -> Iterator[Member | Problem]:
    """Yield the members of the tar at ``path``, and a problem for all that should not be there.

    Nothing is extracted or executed, and no more than `MAX_MEMBER_BYTES` is held at a time.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while True:
            header = file.read(_BLOCK)
            try:
                info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            except tarfile.HeaderError:
                yield from _end(file, header, where)
                return
            begin = file.tell()
            if info.size < 0 or info.size > size - begin:
                yield Problem(
                    "truncated",
                    where,
                    f"{shown(info.name)} announces {info.size} bytes where {size - begin} are left",
                )
                return
            yield _member(file, info, begin, where)
            file.seek(begin + -(-info.size // _BLOCK) * _BLOCK)


def _member(file: BinaryIO, info: tarfile.TarInfo, begin: int, where: str) -> Member | Problem:
    name = _NAME.fullmatch(info.name)
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        what = f"{shown(info.name)} is a link, a device or a header of type {shown(info.type.decode('latin-1'))}"
        return Problem("special_member", where, what)
    if name is None:
        return _bad_name(info.name, where)
    if info.size > MAX_MEMBER_BYTES:
        return Problem("oversized_member", where, f"{info.name} has {info.size} bytes, more than any clip")
    return Member(name[1], name[2], begin, file.read(info.size))


def _bad_name(name: str, where: str) -> Problem:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        return Problem("unsafe_name", where, f"{shown(name)} would be written outside the folder")
    if path.suffix.lower() in _RUNS_CODE:
        return Problem("pickle_member", where, f"{shown(name)}: loaders execute what such a file says; do not load it")
    return Problem("unexpected_member", where, f"{shown(name)} is not KEY.flac, KEY.json or KEY.mp4")


def _end(file: BinaryIO, header: bytes, where: str) -> Iterator[Problem]:
    if header == bytes(_BLOCK):
        while rest := file.read(2**20):
            if rest.count(0) != len(rest):
                yield Problem("hidden_data", where, "there is data behind the end mark of the tar")
                return
    elif len(header) < _BLOCK:
        yield Problem("truncated", where, "the tar ends without its end mark")
    else:
        yield Problem("bad_header", where, f"no tar header at byte {file.tell() - _BLOCK}; the rest cannot be read")
