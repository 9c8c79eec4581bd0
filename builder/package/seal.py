"""The last steps of a dataset's folder: hashes of all files, and a mark that it is complete."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mma_bench.dataset.integrity.files import dataset_files
from mma_bench.dataset.layout import BUILD_MARK, CHECKSUMS
from mma_bench.files.atomic import write_json, write_text
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_file


class FileHashes:
    """Hashes of the files of a dataset, each computed once: Croissant and the list of hashes both name all shards.

    Request only files that will not change any more.
    """

    def __init__(self, folder: Path, known: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._known = dict(known or {})

    def of(self, names: Iterable[str]) -> list[str]:
        """Return the SHA-256 of files, named relative to the folder."""
        names = list(names)
        unknown = [name for name in names if name not in self._known]
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # hashing releases the interpreter's lock
            hashes = pool.map(lambda name: sha256_file(self._folder / name), unknown)
            self._known.update(zip(unknown, hashes, strict=True))
        return [self._known[name] for name in names]


def seal(folder: Path, fingerprint: str, hashes: FileHashes | None = None) -> None:
    """Write the hashes of all files of ``folder``, and the mark with their sizes."""
    names = sorted(dataset_files(folder))
    found = (hashes or FileHashes(folder)).of(names)
    lines = [f"{sha256}  {name}\n" for sha256, name in zip(found, names, strict=True)]
    write_text(folder / CHECKSUMS, "".join(lines))
    sizes = {name: (folder / name).stat().st_size for name in [*names, CHECKSUMS]}
    write_json(folder / BUILD_MARK, {"": fingerprint, **sizes})


def fingerprint_of(folder: Path) -> str:
    """Return the fingerprint given to `seal`, or an empty text for a folder without the mark (a downloaded one)."""
    try:
        return str(parse_json((folder / BUILD_MARK).read_text(encoding="utf-8"))[""])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
