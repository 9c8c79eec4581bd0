"""The `folder` source: anyone's clips, listed in a CSV file.

The CSV has a header and one row per clip: `file` and `label`; or `file`, `visual_label` and `audio_label` for
clips whose streams may already disagree. Optional columns: `start_seconds`, `end_seconds`, `licence`,
`attribution`, `youtube_id`, `notes`, `split`. Other columns are ignored.
"""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from builder.manifest import ManifestRow
from builder.notices import numbers
from builder.sources.base import MediaFindings, Source, hashes_by_name
from builder.sources.super_classes import by_class
from builder.stage import Dropped
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes, sha256_json
from mma_bench.parsing import check_labels
from mma_bench.schema import MAX_START_SECONDS

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{1,24}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class FolderSettings(BaseModel):
    """Settings of the `folder` source; relative paths are relative to the current folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["folder"]
    csv: Path = Field(description="the list of clips")
    folder: Path | None = Field(default=None, description="folder of the media; by default that of the CSV file")
    classes: list[str] | Path | None = Field(
        default=None,
        description="class names in prompt order, or a text file with one per line; by default all labels of the "
        "CSV, sorted",
    )
    super_classes: dict[str, list[str]] = Field(
        default_factory=dict, description="classes of each super-class, such as `{Animal: [Bird, Cat]}`; for partners"
    )
    licence: Annotated[str, Field(description="licence of clips without one in their row")] = "unknown"


class FolderSource(Source):
    """Clips in a folder."""

    name = "folder"

    def __init__(self, settings: FolderSettings) -> None:
        self.settings = settings
        self.root = settings.folder or settings.csv.parent
        self._records, self._empty_rows = _read_csv(settings.csv)
        self._classes = self._read_classes()

    def class_names(self) -> list[str]:
        """Return the configured class names, or those of the CSV in alphabetical order."""
        return self._classes

    def super_classes(self) -> dict[str, str]:
        """Return the configured super-classes."""
        found = by_class(self.settings.super_classes, "source.super_classes")
        if unknown := sorted(found.keys() - set(self._classes)):
            raise MMABenchError(f"source.super_classes: {unknown[0]!r} is not among the class names; correct it")
        return {name: found[name] for name in self._classes if name in found}

    def input_hashes(self) -> dict[str, str]:
        """Return the hash of the CSV file and of the class list."""
        files = [self.settings.csv]
        if isinstance(self.settings.classes, Path):
            files.append(self.settings.classes)
        return hashes_by_name(files)

    def rows(self) -> list[ManifestRow]:
        """Return a row for each line of the CSV, in its order."""
        segments = [_segment(record, self._where(number)) for number, record in self._records]
        uses = Counter(segments)
        rows: list[ManifestRow] = []
        seen: dict[str, int] = {}
        for (number, record), segment in zip(self._records, segments, strict=True):
            row = self._row(number, record, unique=uses[segment] == 1)
            if row.clip_id in seen:
                raise MMABenchError(
                    f"{self.settings.csv}, row {number}: the same segment of {row.file!r} is listed twice "
                    f"(row {seen[row.clip_id]}); remove one of the rows"
                )
            seen[row.clip_id] = number
            rows.append(row)
        return rows

    def notices(self) -> list[str]:
        """Return which rows of the CSV contain only commas."""
        if not self._empty_rows:
            return []
        many = len(self._empty_rows) > 1
        rows = f"rows {numbers(self._empty_rows)} hold" if many else f"row {self._empty_rows[0]} holds"
        return [f"{self.settings.csv.name}: {rows} only commas and {'were' if many else 'was'} left out"]

    def state(self) -> str:
        """Return a hash of the sizes and times of the files: a replaced file is read again."""
        files = sorted({record["file"] for _, record in self._records})
        return sha256_json([[file, *_size_and_time(self.root / file)] for file in files])

    def fetch(self, row: ManifestRow, folder: Path) -> Path:
        """Return the path of the file."""
        path = self.root / row.file
        if not path.is_file():
            raise Dropped("missing_file", f"{row.file} does not exist")
        if path.stat().st_size == 0:
            raise Dropped("empty_file", f"{row.file} has no bytes")
        return path

    def rows_are_decided_by(self) -> Any:
        """Return the hashes of the CSV and of the classes."""
        return sorted(self.input_hashes().items())

    def media_findings(self, rows: Iterable[ManifestRow]) -> MediaFindings:
        """Return the files that are missing or empty."""
        problems, asked = [], 0
        for row in rows:
            asked += 1
            try:
                self.fetch(row, self.root)
            except Dropped as error:
                problems.append(f"{self.root / row.file}: {error.detail}; the build would drop this clip")
        return MediaFindings([f"{asked - len(problems)} of {asked} files exist in {self.root}"], problems)

    def _row(self, number: int, record: dict[str, str], *, unique: bool) -> ManifestRow:
        where = self._where(number)
        visual, audio = _labels(record, where)
        start = _seconds(record, "start_seconds", where) or 0.0
        end = _seconds(record, "end_seconds", where)
        if end is not None and end <= start:
            raise MMABenchError(f"{where}: end_seconds {end} is not after start_seconds {start}; correct the times")
        row = ManifestRow(
            clip_id=_clip_id(record, where, unique=unique),
            file=_safe_file(record["file"], where),
            visual_label=visual,
            audio_label=audio,
            source_labels=sorted({visual, audio}),
            split=_split(record, where),
            source=self.name,
            youtube_id=record.get("youtube_id") or None,
            start_seconds=start,
            end_seconds=end,
            licence=record.get("licence") or self.settings.licence,
            attribution=record.get("attribution", ""),
            notes=record.get("notes", ""),
        )
        unknown = sorted({visual, audio} - set(self._classes))
        if unknown:
            return row.drop("select", "unknown_class", f"{', '.join(unknown)} is not among the class names")
        return row

    def _where(self, number: int) -> str:
        return f"{self.settings.csv}, row {number}"

    def _read_classes(self) -> list[str]:
        chosen = self.settings.classes
        where, places = "source.classes", None
        if chosen is None:
            where, places = str(self.settings.csv), _first_rows(self._records)
            labels = {label for number, record in self._records for label in _labels(record, f"row {number}")}
            chosen = sorted(labels, key=lambda label: (label.casefold(), label))
        elif isinstance(chosen, Path):
            where = str(chosen)
            try:
                chosen = [line.strip() for line in chosen.read_text(encoding="utf-8").splitlines() if line.strip()]
            except (OSError, UnicodeDecodeError) as error:
                raise MMABenchError(f"cannot read the class names in {chosen}: {error}") from error
        for label in chosen:
            _check_label(label, "class names")
        if len(set(chosen)) != len(chosen) or len(chosen) < 2:
            raise MMABenchError(f"need at least two class names, each once; got {len(chosen)} in {self.settings.csv}")
        check_labels(chosen, where, places)
        return list(chosen)


def _first_rows(records: list[tuple[int, dict[str, str]]]) -> dict[str, str]:
    """Return the first row of each label, in words."""
    rows: dict[str, str] = {}
    for number, record in records:
        for label in _labels(record, f"row {number}"):
            rows.setdefault(label, f"row {number}")
    return rows


def _read_csv(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[int]]:
    """Return (row number as in a spreadsheet, columns) of each clip, and the rows that contain only commas."""
    records: list[tuple[int, dict[str, str]]] = []
    empty: list[int] = []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, path)
            for number, values in enumerate(reader, start=2):
                if any(value.strip() for value in values):
                    records.append((number, _record(header, values, f"{path}, row {number}")))
                elif values:
                    empty.append(number)
    except OSError as error:
        raise MMABenchError(f"cannot read the list of clips {path}: {error.strerror}; set source.csv") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MMABenchError(f"{path} is not a CSV file in UTF-8: {error}; save it again as CSV, UTF-8") from error
    if not records:
        raise MMABenchError(f"{path} lists no clip")
    return records, empty


def _record(header: list[str], values: list[str], where: str) -> dict[str, str]:
    if len(values) != len(header):
        raise MMABenchError(f"{where}: {len(header)} columns expected; quote values that contain commas")
    record = dict(zip(header, (value.strip() for value in values), strict=True))
    if record["file"]:
        record["file"] = str(PurePosixPath(record["file"]))  # ./x and x are one file
    return record


def _check_header(header: list[str], path: Path) -> None:
    if "file" not in header or not ({"label"} <= set(header) or {"visual_label", "audio_label"} <= set(header)):
        raise MMABenchError(
            f"{path}: the header must name `file` and `label`, or `file`, `visual_label` and `audio_label`; "
            f"it names {', '.join(header) or 'nothing'}"
        )


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return (-1, -1)
    return status.st_size, status.st_mtime_ns


def _labels(record: dict[str, str], where: str) -> tuple[str, str]:
    visual = record.get("visual_label") or record.get("label", "")
    audio = record.get("audio_label") or record.get("label", "")
    _check_label(visual, where)
    _check_label(audio, where)
    return visual, audio


def _check_label(label: str, where: str) -> None:
    if not label or "," in label or not label.isprintable():
        raise MMABenchError(
            f"{where}: {label!r} cannot be a class name: it must be non-empty, on one line and without a comma, "
            "which separates the options of a prompt; rename it"
        )


def _safe_file(name: str, where: str) -> str:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise MMABenchError(
            f"{where}: file {name[:200]!r} must be below the media folder; set source.folder to a folder above it"
        )
    return name


def _seconds(record: dict[str, str], column: str, where: str) -> float | None:
    text = record.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MAX_START_SECONDS:  # not true for NaN
        raise MMABenchError(
            f"{where}: {column} must be a number of seconds from 0 to {MAX_START_SECONDS:.0f}, got {text[:100]!r}"
        )
    return value


def _split(record: dict[str, str], where: str) -> str:
    split = record.get("split") or "test"
    if split not in ("test", "train"):
        raise MMABenchError(f"{where}: split must be test or train, got {split!r}")
    return split


def _segment(record: dict[str, str], where: str) -> tuple[str, int]:
    """Return the name of the recording and the start in milliseconds: together they name the clip."""
    start = round((_seconds(record, "start_seconds", where) or 0.0) * 1000)
    name = record.get("youtube_id", "")
    if name and not _YOUTUBE_ID.fullmatch(name):
        raise MMABenchError(f"{where}: {name!r} is not a YouTube id; correct or empty youtube_id")
    return name or str(PurePosixPath(_safe_file(record["file"], where)).with_suffix("")), start


def _clip_id(record: dict[str, str], where: str, *, unique: bool) -> str:
    """Return `{youtube_id}_{start_ms}`, or the same from the file's name.

    A short hash of the name is added where the id would not be unique or the name had to be changed.
    """
    name, start = _segment(record, where)
    slug = name if _YOUTUBE_ID.fullmatch(name) else _UNSAFE.sub("-", name).strip("-")[:48] or "clip"
    clip_id = f"{slug}_{start}"
    if slug == name and unique:
        return clip_id
    return f"{clip_id}-{sha256_bytes(record['file'].encode('utf-8'))[:8]}"
