"""Where the media of a clip are: in one of 256 folders, since two million files in one folder are slow to list."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_FEW = 20


def clip_file(folder: Path, clip_id: str, suffix: str) -> Path:
    """Return the path of a clip's file below ``folder``: `3f/CLIP.mp4`.

    Args:
        folder: the folder of all clips.
        clip_id: the clip.
        suffix: the end of the name, without the dot.
    """
    return folder / hashed_name(clip_id) / f"{clip_id}.{suffix}"


def hashed_name(name: str) -> str:
    """Return the name of the subfolder of the file or clip called ``name``."""
    return hashlib.sha256(name.encode()).hexdigest()[:2]


def all_exist(paths: Iterable[Path]) -> bool:
    """Return whether all of ``paths`` are files; folders are listed once, which is faster than asking for each file."""
    wanted: defaultdict[Path, list[str]] = defaultdict(list)
    for path in paths:
        wanted[path.parent].append(path.name)
    return all(_are_in(parent, names) for parent, names in wanted.items())


def _are_in(parent: Path, names: list[str]) -> bool:
    if len(names) < _FEW:
        return all((parent / name).is_file() for name in names)
    try:
        with os.scandir(parent) as entries:
            return {entry.name for entry in entries if entry.is_file()}.issuperset(names)
    except OSError:
        return False
