"""Check the files of a dataset against its list of hashes."""

import re
from collections.abc import Iterator
from pathlib import Path

from mma_bench.hashing import sha256_file
from mma_bench.layout import BUILD_MARK, CHECKSUMS
from mma_bench.verification.problems import Problem, shown

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_NOT_OURS = {BUILD_MARK, CHECKSUMS, ".gitattributes"}  # the hub adds the last one
_HUB_CACHE = ".cache"  # what huggingface_hub leaves in a folder that it downloads to


def check_files(folder: Path) -> Iterator[Problem]:
    """Yield files that are missing, changed, or not listed."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
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
            same = sha256_file(folder / name) == listed[name]
        except OSError as error:
            yield Problem("unreadable_file", name, str(error.strerror))
            continue
        if not same:
            yield Problem("wrong_hash", name, f"its content is not what {CHECKSUMS} says")


def dataset_files(folder: Path) -> set[str]:
    """Return the files of the dataset, relative to ``folder``, without those that are not part of it."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return {name for name in names if name not in _NOT_OURS and not name.startswith(f"{_HUB_CACHE}/")}
