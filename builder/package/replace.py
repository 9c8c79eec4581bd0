"""Change a finished dataset: in a linked copy beside it, which takes its place when it is whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.package.seal import put_in_place, seal, staging_folder


@contextmanager
def replaced(data: Path, fingerprint: str) -> Iterator[Path]:
    """Yield a copy of ``data`` to change; afterwards it is hashed and put in place. On an exception nothing changes.

    Unchanged files are hard links, so files of the copy must be replaced (as `mma_bench.atomic` does), never edited.

    Args:
        data: folder of a dataset.
        fingerprint: what the builder shall take the result for.
    """
    staging = staging_folder(data)
    shutil.rmtree(staging, ignore_errors=True)
    try:
        shutil.copytree(data, staging, copy_function=_link)
        yield staging
        seal(staging, fingerprint)
        put_in_place(staging, data)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
