"""Read members of a Qt resource archive (`.rcc`), an undocumented format in which Qt programs store data.

The layout follows `RCCResourceLibrary` of Qt's own compiler (qtbase, `src/tools/rcc/rcc.cpp`): a header
`qres`, version, offsets of tree, data and names (and, from version 3, flags), all big-endian. A tree node is
14 bytes, from version 2 on 22 (a time is added). The file may come from anywhere: every offset is checked,
names cannot leave the archive, and neither the number of nodes nor the size of a member is trusted.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError

MAX_ARCHIVE_BYTES = 256 << 20
MAX_MEMBER_BYTES = 64 << 20  # the largest photo or audio file in use has 1 MB
MAX_NODES = 100_000

_HEADER = struct.Struct(">4sIIII")
_NODE = struct.Struct(">IH")  # offset of the name, flags; both kinds of node continue with two 32-bit numbers
_FLAG_ZLIB, _FLAG_DIRECTORY, _FLAG_ZSTD = 1, 2, 4


@dataclass(frozen=True)
class _Member:
    offset: int
    flags: int


class QtResourceArchive:
    """The members of one archive, by their path without a leading slash."""

    def __init__(self, path: Path) -> None:
        """Read the archive and list its members.

        Raises:
            MMABenchError: the file cannot be read or is not a valid archive.
        """
        self.path = path
        try:
            size = path.stat().st_size
            if size > MAX_ARCHIVE_BYTES:
                raise self._error(f"has {size} bytes, more than the {MAX_ARCHIVE_BYTES} allowed")
            self._data = path.read_bytes()
        except OSError as error:
            raise MMABenchError(f"cannot read the Qt resource archive {path}: {error.strerror}") from error
        magic, version, self._tree, self._payload, self._names = self._unpack(_HEADER, 0)
        if magic != b"qres" or version not in (1, 2, 3):
            raise self._error(f"starts with {magic!r} and version {version}, not with `qres` and 1 to 3")
        self._node_bytes = 14 if version == 1 else 22
        self._members = self._list_members()

    def names(self) -> list[str]:
        """Return the paths of all members, sorted."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """Return the content of a member, decompressed.

        Raises:
            MMABenchError: no such member, or it is damaged or too large.
        """
        member = self._members.get(name)
        if member is None:
            raise self._error(f"has no member {name}")
        (length,) = self._unpack(struct.Struct(">I"), member.offset)
        start = member.offset + 4
        if length > MAX_MEMBER_BYTES or start + length > len(self._data):
            raise self._error(f"gives member {name} {length} bytes, more than there are or are allowed")
        stored = self._data[start : start + length]
        if member.flags & _FLAG_ZLIB:
            return self._inflate(stored[4:], name)  # the first four bytes repeat the size, which we do not trust
        if member.flags & _FLAG_ZSTD:
            return self._decompress_zstd(stored, name)
        return stored

    def _list_members(self) -> dict[str, _Member]:
        members: dict[str, _Member] = {}
        waiting = [(0, "")]
        visited: set[int] = set()
        while waiting:
            index, folder = waiting.pop()
            if index in visited or len(visited) + len(waiting) > MAX_NODES:
                raise self._error("has a tree with a loop or with too many nodes")
            visited.add(index)
            position = self._tree + index * self._node_bytes  # node 0 is the nameless root folder
            name_offset, flags = self._unpack(_NODE, position)
            path = folder + (self._name(name_offset) if index else "")
            if flags & _FLAG_DIRECTORY:
                count, first = self._unpack(struct.Struct(">II"), position + _NODE.size)
                if count > MAX_NODES or first + count > MAX_NODES:
                    raise self._error(f"claims {count} entries in the folder {path or '/'}")
                waiting += [(child, f"{path}/" if path else "") for child in range(first, first + count)]
            else:
                _, offset = self._unpack(struct.Struct(">II"), position + _NODE.size)
                members[path] = _Member(self._payload + offset, flags)
        return members

    def _name(self, offset: int) -> str:
        position = self._names + offset
        (length,) = self._unpack(struct.Struct(">H"), position)
        start = position + 6  # length and a 32-bit hash of the name
        raw = self._data[start : start + 2 * length]
        if len(raw) < 2 * length:
            raise self._error("has a name that runs past its end")
        try:
            name = raw.decode("utf-16-be")
        except UnicodeDecodeError as error:
            raise self._error("has a name that is not UTF-16") from error
        if name in ("", ".", "..") or any(letter in name for letter in "/\\\0"):
            raise self._error(f"has the unsafe name {name!r}")
        return name

    def _inflate(self, stored: bytes, name: str) -> bytes:
        inflater = zlib.decompressobj()
        try:
            content = inflater.decompress(stored, MAX_MEMBER_BYTES + 1)
        except zlib.error as error:
            raise self._error(f"has a damaged member {name} ({error})") from error
        if not inflater.eof or len(content) > MAX_MEMBER_BYTES:
            raise self._error(f"has a member {name} that is cut short or larger than {MAX_MEMBER_BYTES} bytes")
        return content

    def _decompress_zstd(self, stored: bytes, name: str) -> bytes:
        import zstandard

        try:
            with zstandard.ZstdDecompressor(max_window_size=MAX_MEMBER_BYTES).stream_reader(stored) as reader:
                content = reader.read(MAX_MEMBER_BYTES + 1)
        except zstandard.ZstdError as error:
            raise self._error(f"has a damaged member {name} ({error})") from error
        if len(content) > MAX_MEMBER_BYTES:
            raise self._error(f"has a member {name} larger than {MAX_MEMBER_BYTES} bytes")
        return content

    def _unpack(self, layout: struct.Struct, position: int) -> tuple[Any, ...]:
        if position + layout.size > len(self._data):
            raise self._error(f"ends at byte {len(self._data)}, before an offset that it names ({position})")
        return layout.unpack_from(self._data, position)

    def _error(self, problem: str) -> MMABenchError:
        return MMABenchError(f"the Qt resource archive {self.path} {problem}; fetch its package again")
