"""The folder of a report: replaced as a whole, and only where a report was before."""

from pathlib import Path

from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_json


def check_replaceable(out: Path, marker: str, form: str) -> None:
    """Check that ``out`` holds nothing that an earlier report did not put there.

    Args:
        out: the folder.
        marker: file that lists what an earlier report wrote.
        form: what that file says of itself.

    Raises:
        MMABenchError: it holds something else.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise MMABenchError(f"{out} is a file; choose another --out")
    present = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_symlink() or not path.is_dir()}
    if not present:
        return
    try:
        said = parse_json((out / marker).read_bytes())
        ours = set(said["files"]) if said["format"] == form else set()
    except (OSError, ValueError, TypeError, KeyError):
        ours = set()
    if not ours:
        raise MMABenchError(f"{out} exists and is not an earlier report; choose another --out or remove it")
    if strange := sorted(present - ours):
        raise MMABenchError(
            f"{out} holds {strange[0]}, which is not part of the report; move it or choose another --out"
        )


def files_in(folder: Path) -> list[str]:
    """Return the relative paths of all files of a report."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
