"""Files that grow by whole lines, and whose last line a kill may have left unfinished."""

from pathlib import Path


def whole_lines(path: Path) -> list[bytes]:
    """Return the finished lines of the file ``path``, which need not exist, without their ends.

    The file is left as it is: somebody may be writing its last line just now, or it may be an archive.
    """
    content = path.read_bytes() if path.is_file() else b""
    return content.split(b"\n")[:-1]


def cut_unfinished_line(path: Path) -> None:
    """Cut an unfinished last line off the file ``path``, which need not exist: for its one writer, before it adds."""
    content = path.read_bytes() if path.is_file() else b""
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with open(path, "r+b") as file:
            file.truncate(whole)
