"""The JSON file of a test: its name is checked before the test, and a good one is never lost to a test that stopped."""

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from mma_bench.conform.verdicts import Conformance
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_text
from mma_bench.files.documents import parse_json

_LARGEST = 50_000_000


def document(found: Conformance) -> str:
    """Return the result as JSON, in ASCII: an answer may hold half of a surrogate pair."""
    return json.dumps(found.to_json(), indent=2) + "\n"


def require_writable(path: Path) -> None:
    """Check that a result can be written, without leaving anything.

    Raises:
        MMABenchError: it cannot.
    """
    try:
        place = next(folder for folder in path.absolute().parents if _exists(folder))
        if not place.is_dir() or not os.access(place, os.W_OK):
            raise MMABenchError(f"--out {path}: {place} is not a folder that can be written to; choose another")
        for name in path.absolute().relative_to(place).parts:
            _exists(place / name)
        if _exists(path) and not stat.S_ISREG(path.stat().st_mode):
            raise MMABenchError(f"--out {path} is not a regular file; choose another")
        with tempfile.NamedTemporaryFile(dir=place, prefix=".tmp-", suffix=path.suffix):  # as it is written later
            pass
    except OSError as error:
        raise MMABenchError(f"--out {path} cannot be written: {error.strerror}; choose another") from error


def _exists(path: Path) -> bool:
    """Return whether there is such a file, also a broken link.

    Raises:
        OSError: its name is too long, or its folder must not be read.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def save(found: Conformance, path: Path) -> str:
    """Write a result, but let a test that stopped replace nothing except another one that stopped.

    Args:
        found: the result. If a test stopped before its first check, nothing is written.
        path: the file.

    Returns:
        Why it was not written, or an empty text. The caller still has an error of the server to report.
    """
    if found.error and not found.checks:
        return ""
    try:
        if found.error and path.exists() and not _is_unfinished(path):
            return f"{path} existed before and was kept"
        write_text(path, document(found))
    except OSError as error:
        return f"{path} cannot be written: {error.strerror or error}"
    return ""


def _is_unfinished(path: Path) -> bool:
    try:
        found = _read(path)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "error" in found


def _read(path: Path) -> Any:
    with open(path, "rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST:,} bytes")
    return parse_json(content.decode("utf-8"))


def read_reference(path: Path) -> dict[str, str]:
    """Return the answers in the JSON file of an earlier test.

    Raises:
        MMABenchError: it is not such a file, or that test stopped before its end.
    """
    try:
        found = _read(path)
    except (OSError, ValueError, RecursionError) as error:
        raise MMABenchError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    if isinstance(found, dict) and "error" in found:
        raise MMABenchError(
            f"{path} is of a test that stopped before its end ({str(found['error'])[:200]}); give a finished one"
        )
    answers = found.get("answers") if isinstance(found, dict) else None
    if not isinstance(answers, dict) or not answers or not all(isinstance(text, str) for text in answers.values()):
        raise MMABenchError(f"{path} has no answers; give the JSON of `mma-bench conform --json`, or of --out")
    return {str(name): text for name, text in answers.items()}
