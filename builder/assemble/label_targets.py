"""Wrong classes to write or to say: one per clip, drawn with the seed, or from a list that somebody supplied.

A list is a CSV file with the columns `clip_id,class`, a JSON object of classes by clip id, or JSON lines in the form of
the list that the authors of MMA-Bench published for their 658 clips (arXiv 2604.03995, `attacks_audio.jsonl`): objects
with a `clip_id`, which is `CLASS/YOUTUBE_ID` there, and an `audio_target`.
"""

import csv
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.documents import parse_json
from mma_bench.files.text import shown
from mma_bench.questions.likeness import reads_alike
from mma_bench.schema import Clip

_COLUMNS = ("clip_id", "class")
_TARGETS = ("audio_target", "visual_target", "target", "class")
_LARGEST_FILE = 64 << 20


@dataclass(frozen=True)
class LabelTargets:
    """Classes by the id of a clip, or by the YouTube id of its source.

    Attributes:
        where: names the list in messages.
        by_id: the classes.
    """

    where: str
    by_id: Mapping[str, str]

    def of(self, clip: Clip) -> str | None:
        """Return the class for ``clip``, or None if it is not in the list.

        An entry for a whole video leaves out the segments that are of its class.

        Raises:
            MMABenchError: the entry of the clip itself is a class of the clip.
        """
        if (found := self.by_id.get(clip.clip_id)) is not None:
            if _is_right(found, clip):
                raise self._not_wrong(found, clip)
            return found
        found = self.by_id.get(clip.youtube_id) if clip.youtube_id else None
        return None if found is None or _is_right(found, clip) else found

    def unmatched(self, clips: Iterable[Clip]) -> int:
        """Return how many entries match none of ``clips``.

        Raises:
            MMABenchError: no entry matches a clip, or one is right for all clips that it matches.
        """
        usable: set[str] = set()
        right: dict[str, tuple[str, Clip]] = {}
        for clip in clips:
            entry = clip.clip_id if clip.clip_id in self.by_id else clip.youtube_id
            if not entry or entry not in self.by_id:
                continue
            name = self.by_id[entry]
            if _is_right(name, clip):
                right.setdefault(entry, (name, clip))
            else:
                usable.add(entry)
        if unusable := [found for entry, found in right.items() if entry not in usable]:
            raise self._not_wrong(*unusable[0])
        if not usable:
            entry = shown(next(iter(self.by_id)))
            raise MMABenchError(
                f"{self.where}: none of {len(self.by_id)} entries matches a clip of the test split, the first is for "
                f"{entry}; give clip ids as in the manifest (`python -m builder status`), or YouTube ids"
            )
        return len(self.by_id) - len(usable)

    def _not_wrong(self, name: str, clip: Clip) -> MMABenchError:
        return MMABenchError(f"{self.where}: {clip.clip_id} shows {shown(name)}; give a class that is wrong")


def _is_right(name: str, clip: Clip) -> bool:
    return name in (clip.visual_label, clip.audio_label)


def drawn_target(clip: Clip, classes: Iterable[str], generator: random.Random) -> str | None:
    """Return a class that the clip neither shows nor sounds like, or None if there is none.

    A class that reads like one of the clip's is not clearly wrong, and classes among its source's labels may be in it.
    """
    labels = {clip.visual_label, clip.audio_label}
    wrong = [name for name in classes if name not in labels.union(clip.source_labels)]
    clear = [name for name in wrong if not any(reads_alike(name, label) for label in labels)]
    return generator.choice(clear) if clear else None


def read_label_targets(path: Path, classes: Sequence[str]) -> LabelTargets:
    """Read a list of wrong classes.

    Raises:
        MMABenchError: the file cannot be read, names a class that is none of ``classes``, or two for a clip.
    """
    where = f"assemble.label_targets: {path}"
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise MMABenchError(f"{where} is larger than {_LARGEST_FILE >> 20} MB; give a list of clips and classes")
        text = content.decode("utf-8-sig")
        found = _entries(text, path.suffix.lower())
    except OSError as error:
        raise MMABenchError(f"{where} cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise MMABenchError(
            f"{where} cannot be read: {' '.join(str(error).split())[:200]}; give a CSV file with the columns "
            "clip_id,class, or a JSON object of classes by clip id"
        ) from error
    by_id: dict[str, str] = {}
    for place, clip_id, name in found:
        if name not in classes:
            raise MMABenchError(unknown(f"{where}, {place}: there is no class", name, classes))
        if by_id.setdefault(clip_id, name) != name:
            raise MMABenchError(f"{where}, {place}: {shown(clip_id)} has two classes; keep one")
    if not by_id:
        raise MMABenchError(f"{where} lists no clip")
    return LabelTargets(where, by_id)


def _entries(text: str, suffix: str) -> list[tuple[str, str, str]]:
    """Return (place in the file, clip id, class) of each entry."""
    if suffix == ".csv":
        return list(_csv_entries(text))
    if suffix == ".jsonl":
        rows = [(f"line {number}", line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        return [(place, *_pair(parse_json(line, unique_keys=True), place)) for place, line in rows]
    if suffix == ".json":
        plain = parse_json(text, unique_keys=True)
        if not isinstance(plain, dict):
            raise ValueError("it is not an object of classes by clip id")
        return [(shown(key), _text(key, "a clip id"), _text(name, shown(key))) for key, name in plain.items()]
    raise ValueError(f"the file must end in .csv, .json or .jsonl, not {suffix or 'nothing'}")


def _csv_entries(text: str) -> Iterator[tuple[str, str, str]]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    if missing := [name for name in _COLUMNS if name not in (reader.fieldnames or ())]:
        raise ValueError(f"it has no column {missing[0]}")
    for number, row in enumerate(reader, start=2):
        clip_id, name = ((row[column] or "").strip() for column in _COLUMNS)
        if not clip_id or not name:
            raise ValueError(f"row {number} needs a clip_id and a class")
        yield f"row {number}", clip_id, name


def _pair(row: Any, place: str) -> tuple[str, str]:
    """Return clip id and class of a JSON line; of `CLASS/YOUTUBE_ID`, the id of the video."""
    if not isinstance(row, dict) or "clip_id" not in row:
        raise ValueError(f"{place} has no clip_id")
    column = next((name for name in _TARGETS if name in row), None)
    if column is None:
        raise ValueError(f"{place} has none of {', '.join(_TARGETS)}")
    video = _text(row["clip_id"], place).rpartition("/")[2]
    return _text(video, f"{place}, clip_id after the slash"), _text(row[column], place)


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{place}: expected text, got {value!r:.40}")
    return value.strip()
