"""Change a finished dataset in a linked copy next to it, which replaces it when complete."""

import functools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.package.seal import seal
from mma_bench.dataset.shards import MAX_SHARD_BYTES
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import atomic_folder
from mma_bench.files.regular import open_inside


@contextmanager
def replaced(data: Path, fingerprint: str) -> Iterator[Path]:
    """Yield a copy of ``data`` to change; afterwards it is hashed and put in place. On an exception, nothing changes.

    Unchanged files are hard links, so files of the copy must be replaced (see `mma_bench.files.atomic`), never edited.

    Args:
        data: folder of a dataset.
        fingerprint: identity of the result for the builder.
    """
    with atomic_folder(data, replace=True) as staging:
        _copy(data, staging)
        yield staging
        seal(staging, fingerprint)


def _copy(data: Path, staging: Path) -> None:
    try:
        shutil.copytree(data, staging, copy_function=functools.partial(_link, data), dirs_exist_ok=True)
    except shutil.Error as error:
        source, _, reason = error.args[0][0]
        raise MMABenchError(f"{source} cannot be copied: {reason}; see `mma-bench verify-data`") from error


def _link(data: Path, source: str, target: str) -> None:
    try:
        # A link that leads out of the dataset would become part of it and be published.
        os.close(open_inside(data, os.path.relpath(source, data), MAX_SHARD_BYTES))
    except OSError as error:
        raise MMABenchError(f"{source} cannot be read: {error}; `mma-bench verify-data` names what is wrong") from error
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
