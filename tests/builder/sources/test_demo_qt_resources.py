"""The reader of Qt resource archives: right on sound archives, one clear error on any other."""

import random
import struct
import zlib
from pathlib import Path

import pytest
import zstandard

from builder.sources.demo.qt_resources import MAX_MEMBER_BYTES, QtResourceArchive
from mma_bench.errors import MMABenchError

CONTENTS = {
    "a/plain.webp": (0, b"RIFF plain"),
    "a/b/zlib.ogg": (1, b"OggS" * 500),
    "top.txt": (4, b"zstd " * 500),
}


def write_archive(path: Path, contents: dict[str, tuple[int, bytes]], version: int = 3) -> Path:
    """Write an archive as Qt's resource compiler does; each content has its flags, 1 for zlib and 4 for zstd."""
    nodes: list[tuple[str, int, int, int]] = [("", 2, 0, 0)]  # name, flags, then count and first child, or offset
    payload = b""
    waiting: list[tuple[int, str]] = [(0, "")]
    while waiting:
        index, folder = waiting.pop(0)
        below = sorted({name[len(folder) :].split("/")[0] for name in contents if name.startswith(folder)})
        nodes[index] = (nodes[index][0], 2, len(below), len(nodes))
        for name in below:
            if folder + name in contents:
                flags, content = contents[folder + name]
                packed = {0: content, 4: zstandard.compress(content)}.get(flags)
                packed = packed or struct.pack(">I", len(content)) + zlib.compress(content)
                nodes.append((name, flags, 0, len(payload)))
                payload += struct.pack(">I", len(packed)) + packed
            else:
                waiting.append((len(nodes), f"{folder}{name}/"))
                nodes.append((name, 2, 0, 0))
    names = tree = b""
    for name, flags, *numbers in nodes:
        tree += struct.pack(">IHII", len(names), flags, *numbers) + (b"" if version == 1 else bytes(8))
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    head = 20 if version < 3 else 24
    offsets = (head + len(payload) + len(names), head, head + len(payload))
    header = struct.pack(">4sIIII", b"qres", version, *offsets) + bytes(head - 20)
    path.write_bytes(header + payload + names + tree)
    return path


@pytest.mark.parametrize("version", [1, 2, 3])
def test_all_versions_and_compressions_are_read(tmp_path: Path, version: int) -> None:
    archive = QtResourceArchive(write_archive(tmp_path / "a.rcc", CONTENTS, version))
    assert archive.names() == sorted(CONTENTS)
    assert {name: archive.read(name) for name in archive.names()} == {name: c for name, (_, c) in CONTENTS.items()}
    with pytest.raises(MMABenchError, match="has no member a/other"):
        archive.read("a/other")


@pytest.mark.parametrize("name", ["..", ".", "x\\y", "x\0y"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MMABenchError, match=r"a\.rcc has the unsafe name"):
        QtResourceArchive(write_archive(tmp_path / "a.rcc", {f"a/{name}": (0, b"x")}))


@pytest.mark.parametrize("flags", [1, 4])
def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path: Path, flags: int) -> None:
    bomb = QtResourceArchive(write_archive(tmp_path / "a.rcc", {"bomb": (flags, bytes(MAX_MEMBER_BYTES + 1))}))
    assert bomb.path.stat().st_size < MAX_MEMBER_BYTES // 500
    with pytest.raises(MMABenchError, match="larger than"):
        bomb.read("bomb")


def test_a_tree_with_a_loop_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.rcc", {"a/x": (0, b"x")})
    data = bytearray(path.read_bytes())
    (tree,) = struct.unpack_from(">I", data, 8)
    struct.pack_into(">I", data, tree + 22 + 10, 0)  # the folder `a` now holds the root
    path.write_bytes(data)
    with pytest.raises(MMABenchError, match="a tree with a loop"):
        QtResourceArchive(path)


def test_a_damaged_archive_gives_a_clear_error_and_nothing_else(tmp_path: Path) -> None:
    """Every truncation, and two thousand archives with a few bytes changed at random."""
    path = write_archive(tmp_path / "a.rcc", CONTENTS)
    sound = path.read_bytes()
    rng = random.Random(5)
    damaged = [sound[:length] for length in range(len(sound))]
    for _ in range(2000):
        changed = bytearray(sound)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(len(changed))] = rng.choice([0, 1, 2, 255, rng.randrange(256)])
        damaged.append(bytes(changed))
    refused = 0
    for data in damaged:
        path.write_bytes(data)
        try:
            archive = QtResourceArchive(path)
            for name in archive.names():
                archive.read(name)
        except MMABenchError:
            refused += 1
    assert refused > len(sound)  # each truncation and many of the changes
