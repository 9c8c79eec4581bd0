"""Check the files of a dataset against its list of hashes."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from mma_bench.dataset.integrity.problems import Problem
from mma_bench.dataset.layout import BUILD_MARK, CHECKSUMS
from mma_bench.dataset.shards import MAX_SHARD_BYTES
from mma_bench.files.regular import open_inside, read_inside
from mma_bench.files.text import shown

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_NOT_OURS = {BUILD_MARK, CHECKSUMS, ".gitattributes"}  # the hub adds the last one
_HUB_CACHE = ".cache"  # what huggingface_hub leaves in a folder that it downloads to


def check_files(folder: Path) -> Iterator[Problem]:
    """Yield files that are missing, changed, or not listed."""
    try:
        lines = read_inside(folder, CHECKSUMS).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        yield Problem("missing_file", CHECKSUMS, f"the list of hashes cannot be read: {shown(str(error))}")
        return
    listed: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if match := _LINE.fullmatch(line):
            listed[match[2]] = match[1]
        else:
            yield Problem("wrong_checksums", f"{CHECKSUMS}, line {number}", f"{shown(line)} is no hash and name")
    present = dataset_files(folder)
    for name in sorted(present - listed.keys()):
        yield Problem("unexpected_file", shown(name).strip("'"), f"{CHECKSUMS} does not list it")
    for name in sorted(listed.keys() - present):
        yield Problem("missing_file", shown(name).strip("'"), f"{CHECKSUMS} lists it")
    for name in sorted(listed.keys() & present):
        try:
            same = _sha256(folder, name) == listed[name]
        except OSError as error:
            yield Problem("unreadable_file", name, str(error.strerror))
            continue
        if not same:
            yield Problem("wrong_hash", name, f"its content is not what {CHECKSUMS} says")


def _sha256(folder: Path, name: str) -> str:
    with os.fdopen(open_inside(folder, name, MAX_SHARD_BYTES), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dataset_files(folder: Path) -> set[str]:
    """Return the files of the dataset, relative to ``folder``, without those that are not part of it."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return {name for name in names if name not in _NOT_OURS and not name.startswith(f"{_HUB_CACHE}/")}
