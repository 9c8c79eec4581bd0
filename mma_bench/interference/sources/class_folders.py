"""A folder with one subfolder per class, of pictures or of sounds or of both."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mma_bench.console.progress import bar
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes, sha256_json
from mma_bench.files.regular import read_inside
from mma_bench.interference import pictures, sounds
from mma_bench.interference.items import Item
from mma_bench.interference.protocol import Protocol, TaskKind
from mma_bench.interference.skipped import Skipped
from mma_bench.interference.sources.class_items import ClassQuestions
from mma_bench.interference.sources.files import file_reader, picture_of, sound_of
from mma_bench.interference.sources.found import Found, in_turns, safe_id

_IGNORED = ("thumbs.db", "desktop.ini")
_SUFFIXES = {TaskKind.VISUAL: pictures.SUFFIXES, TaskKind.AUDIO: sounds.SUFFIXES}
_LARGEST = {TaskKind.VISUAL: pictures.MAX_BYTES, TaskKind.AUDIO: sounds.MAX_BYTES}


def read_class_folders(folder: Path, protocol: Protocol, limit: int | None, *, progress: bool) -> Found:
    """Return a question about each picture and sound, a class after the other.

    Args:
        folder: subfolders are classes; what is in folders below them belongs to the class.
        protocol: options and wording.
        limit: maximum number of pictures, and of sounds.
        progress: show progress on standard error.

    Raises:
        MMABenchError: there are no two classes, or an answer could not tell them apart.
    """
    skipped = Skipped()
    files = _list(folder, skipped)
    groups = {kind: _by_class(files, kind) for kind in _SUFFIXES}
    # Pictures and sounds of one folder are of the same classes.
    classes = sorted({name for by_class in groups.values() for name in by_class})
    for name in _empty(folder, classes):
        skipped.add(name, "is a folder without a picture or a sound")
    questions = ClassQuestions(protocol, classes, str(folder))
    found = Found("folder of classes", _fingerprint(folder, files, progress=progress), skipped=skipped)
    for kind, by_class in groups.items():
        total = min(limit or len(files), sum(map(len, by_class.values())))
        with bar(f"reading {kind}", total, unit="file", show=progress and total > 0) as shown:
            for count, item in enumerate(_items(folder, kind, by_class, questions, protocol, skipped), start=1):
                found.items.append(item)
                shown.update()
                if limit is not None and count >= limit:
                    break
    if not found.items:
        raise MMABenchError(f"{folder}: no file can be used ({'; '.join(skipped.lines()[:3])})")
    return found


def _items(
    folder: Path,
    kind: TaskKind,
    by_class: dict[str, list[str]],
    questions: ClassQuestions,
    protocol: Protocol,
    skipped: Skipped,
) -> Iterator[Item]:
    for name, file in in_turns(by_class, protocol.seed):
        read = file_reader(folder, file, _LARGEST[kind])
        label, source = questions.shown(name), safe_id(file)
        try:
            if kind is TaskKind.VISUAL:
                media, seconds = picture_of(read(), read, protocol, label, source), protocol.still_seconds
            else:
                media, seconds = sound_of(read(), read, protocol, label, source)
        except MMABenchError as error:
            skipped.add(file, str(error))
        except OSError as error:
            skipped.add(file, f"cannot be read: {error.strerror or error}")
        else:
            yield questions.item(kind, name, media, source, seconds)


def _fingerprint(folder: Path, files: Sequence[str], *, progress: bool) -> str:
    """Return the hash of names and contents; a file that cannot be read has none."""
    named: list[tuple[str, str | None]] = []
    with bar("hashing files", len(files), unit="file", show=progress) as shown:
        for file in files:
            content: bytes | None = None
            with contextlib.suppress(OSError):
                content = read_inside(folder, file, max(_LARGEST.values()))
            named.append((file, sha256_bytes(content) if content is not None else None))
            shown.update()
    return sha256_json(named)


def _list(folder: Path, skipped: Skipped) -> list[str]:
    """Return the files below subfolders, sorted; links to folders are not followed."""
    found = []

    def unreadable(error: OSError) -> None:
        skipped.add(os.path.relpath(error.filename, folder), f"cannot be listed: {error.strerror}")

    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        inside = os.path.relpath(place, folder)
        for name in sorted(names):
            if name.startswith(".") or name.casefold() in _IGNORED:
                continue
            file = os.path.normpath(os.path.join(inside, name))  # noqa: PTH118  (names need not be UTF-8)
            reason = "" if inside != "." else "is in no subfolder, so it has no class"
            if not file.isprintable():
                reason = "has a name that is not readable text (UTF-8); rename it"
            elif not reason and not name.casefold().endswith((*pictures.SUFFIXES, *sounds.SUFFIXES)):
                reason = "is neither a picture nor a sound by its suffix"
            if reason:
                skipped.add(file, reason)
            else:
                found.append(file)
    return found


def _by_class(files: Sequence[str], kind: TaskKind) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for file in files:
        if file.casefold().endswith(_SUFFIXES[kind]):
            groups.setdefault(Path(file).parts[0], []).append(file)
    return groups


def _empty(folder: Path, classes: list[str]) -> list[str]:
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    return [name for name in names if name not in classes and not name.startswith("__MACOSX")]
