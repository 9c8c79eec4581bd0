"""Rows of a table of unknown origin: JSONL, CSV, Parquet, and folders of Hugging Face datasets."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.files.arrow_check import check_tables
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.files.regular import read_inside
from mma_bench.files.tables import MAX_ROWS

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

_LARGEST_TEXT = 1 << 30
_GROUPS_KEPT = 4
_ROWS_AT_A_TIME = 64
_BUFFER = 1 << 20


class Rows(ABC):
    """Rows that are read when they are needed.

    Attributes:
        where: the table, for messages.
        columns: their names.
        folder: files that cells name are below it.
        classes: names of the classes of a column of numbers, by the column.
        kinds: `image` or `audio` for columns of media, by the column.
    """

    where: str
    columns: Sequence[str]
    folder: Path
    classes: Mapping[str, Sequence[str]]
    kinds: Mapping[str, str]

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of all rows."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return some cells of a row."""

    def column(self, name: str) -> list[Any]:
        """Return all cells of a column without media."""
        return [self.row(number, [name]).get(name) for number in range(len(self))]

    @abstractmethod
    def files_named(self, name: str) -> Iterator[str]:
        """Yield the paths in the cells of a column of media; cells that have the file inside name none.

        Args:
            name: of a column, or `a.b` for the field `b` of the column `a`.
        """


class TextRows(Rows):
    """JSON lines or CSV, in memory.

    Raises:
        MMABenchError: the file cannot be read; a line that is damaged is named.
    """

    def __init__(self, path: Path) -> None:
        self.where, self.folder = str(path), path.parent
        self.classes, self.kinds = {}, {}
        try:
            text = read_inside(path.parent, path.name, _LARGEST_TEXT).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise MMABenchError(f"{path} is not UTF-8 (byte {error.start}); convert it: iconv -t UTF-8") from error
        except OSError as error:
            raise MMABenchError(f"{path} cannot be read: {error.strerror or error}") from error
        self._rows = _json_lines(path, text) if path.suffix.casefold() != ".csv" else _csv_rows(path, text)
        self._fingerprint = sha256_file(path)
        self.columns = list(dict.fromkeys(name for row in self._rows for name in row))
        if not self._rows:
            raise MMABenchError(f"{path} has no rows")

    @property
    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._fingerprint

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return some cells of a row."""
        return {name: self._rows[number].get(name) for name in columns}

    def files_named(self, name: str) -> Iterator[str]:
        """Yield the paths in a column of media."""
        for row in self._rows:
            cell = value_of(row, name)
            path = (cell.get("bytes") or cell.get("path")) if isinstance(cell, dict) else cell
            if isinstance(path, str):
                yield path


class ParquetRows(Rows):
    """Parquet files with the same columns, of which a few row groups are in memory.

    Raises:
        MMABenchError: a file cannot be read.
    """

    def __init__(self, files: Sequence[Path], folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.where, self.folder = str(folder if len(files) > 1 else files[0]), folder
        self._files: list[tuple[Path, pq.FileMetaData]] = []  # closed: a process may have 1,024 files open
        self._schema = pa.schema([])
        self._groups: list[tuple[int, int, int]] = []  # first row, file, row group
        count = 0
        check_tables(files)
        for number, path in enumerate(files):
            try:
                with pq.ParquetFile(path) as opened:
                    metadata, schema = opened.metadata, opened.schema_arrow
            except (pa.ArrowException, OSError, ValueError) as error:
                raise MMABenchError(f"{path} is not a Parquet table: {' '.join(str(error).split())[:200]}") from error
            self._files.append((path, metadata))
            self._schema = self._schema if number else schema
            self._check_columns(path, schema, files[0])
            for group in range(metadata.num_row_groups):
                self._groups.append((count, number, group))
                count += metadata.row_group(group).num_rows
        if not 0 < count <= MAX_ROWS:
            raise MMABenchError(f"{self.where} has {count} rows; 1 to {MAX_ROWS} are read")
        self._count = count
        self.columns = list(self._schema.names)
        self.classes, self.kinds = _features(self._schema.metadata)
        self._fingerprint = sha256_json([sha256_file(path) for path in files])
        self._read = lru_cache(_GROUPS_KEPT)(self._group)

    @property
    def fingerprint(self) -> str:
        """Hash of the files."""
        return self._fingerprint

    def __len__(self) -> int:
        return self._count

    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return some cells of a row."""
        import bisect

        place = bisect.bisect_right(self._groups, (number, len(self._files), 0)) - 1
        first, file, group = self._groups[place]
        found: dict[str, Any] = self._read(file, group, tuple(columns)).slice(number - first, 1).to_pylist()[0]
        return found

    def column(self, name: str) -> list[Any]:
        """Return all cells of a column."""
        cells: list[Any] = []
        for number in range(len(self._files)):
            with self._open(number) as file:
                cells += file.read(columns=[name]).column(0).to_pylist()
        return cells

    def files_named(self, name: str) -> Iterator[str]:
        """Yield the paths in a column of media, a few rows at a time."""
        for number in range(len(self._files)):
            with self._open(number) as file:
                for batch in file.iter_batches(_ROWS_AT_A_TIME, columns=[column_of(self, name)]):
                    yield from _paths_in(batch, self, name)

    def _open(self, number: int) -> "pq.ParquetFile":
        import pyarrow.parquet as pq

        path, metadata = self._files[number]
        return pq.ParquetFile(path, metadata=metadata, pre_buffer=False, buffer_size=_BUFFER)  # reads nothing ahead

    def _check_columns(self, path: Path, found: "pa.Schema", first: Path) -> None:
        """Check that a file has the columns of the first, and the same classes."""
        wanted = self._schema
        if missing := [name for name in wanted.names if name not in found.names]:
            raise MMABenchError(f"{path} has no column {missing[0]!r}, which {first.name} has; remove one of the files")
        classes, others = _features(wanted.metadata)[0], _features(found.metadata)[0]
        if wrong := [name for name in classes if name in others and others[name] != classes[name]]:
            raise MMABenchError(
                f"{path} has other classes in the column {wrong[0]!r} than {first.name}; remove one of the files"
            )

    def _group(self, file: int, group: int, columns: tuple[str, ...]) -> Any:
        import pyarrow as pa

        try:
            with self._open(file) as opened:
                return opened.read_row_group(group, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise MMABenchError(f"{self.where} is damaged: {' '.join(str(error).split())[:200]}") from error


class SavedRows(Rows):
    """A folder of `Dataset.save_to_disk`."""

    def __init__(self, folder: Path, dataset: "datasets.Dataset") -> None:
        self.where, self.folder = str(folder), folder
        self._dataset = dataset.with_format("arrow")
        self.columns = list(dataset.column_names)
        self.classes, self.kinds = _kinds_of(dataset.features.to_dict())
        files = sorted(Path(file["filename"]) for file in dataset.cache_files)
        self._fingerprint = sha256_json([sha256_file(path) for path in files])

    @property
    def fingerprint(self) -> str:
        """Hash of the files."""
        return self._fingerprint

    def __len__(self) -> int:
        return len(self._dataset)

    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return some cells of a row."""
        table = self._dataset[number : number + 1]
        return {name: table.column(name)[0].as_py() for name in columns}

    def column(self, name: str) -> list[Any]:
        """Return all cells of a column."""
        found: list[Any] = self._dataset.select_columns(name)[:].column(0).to_pylist()
        return found

    def files_named(self, name: str) -> Iterator[str]:
        """Yield the paths in a column of media, a few rows at a time."""
        column = column_of(self, name)
        for start in range(0, len(self), _ROWS_AT_A_TIME):
            for batch in self._dataset.select_columns(column)[start : start + _ROWS_AT_A_TIME].to_batches():
                yield from _paths_in(batch, self, name)


def column_of(rows: Rows, name: str) -> str:
    """Return the column that ``name`` is in: itself, or `a` for the field `a.b`."""
    return name if name in rows.columns else name.split(".", maxsplit=1)[0]


def value_of(row: Mapping[str, Any], name: str) -> Any:
    """Return a cell, or the field `b` of the cell `a` for `a.b`; none if there is no such field."""
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _paths_in(batch: "pa.RecordBatch", rows: Rows, name: str) -> list[str]:
    """Return the paths in a column, without making objects of the files that it has inside."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column_of(rows, name)
    cells = _plain(batch.column(batch.schema.get_field_index(column)))
    for part in [] if name == column else name.split(".")[1:]:
        if (field := _field(cells, part)) is None:
            return []
        cells = field
    if not pa.types.is_struct(cells.type):
        return _texts(cells)
    inside, paths = _field(cells, "bytes"), _field(cells, "path")
    found = [] if inside is None else _texts(inside)  # a reader takes text for a path there, too
    if paths is None:
        return found
    if inside is not None and any(kind(inside.type) for kind in (*_kinds_of_bytes(), *_kinds_of_text())):
        paths = paths.filter(pc.invert(pc.fill_null(pc.greater(pc.binary_length(inside), 0), False)))
    return found + _texts(paths)


def _plain(cells: Any) -> Any:
    """Return cells without an encoding around them: a column of pandas' categories is a dictionary.

    Views become the older types, which pyarrow can measure and filter.
    """
    import pyarrow as pa

    while isinstance(cells, pa.ExtensionArray | pa.DictionaryArray):
        cells = cells.storage if isinstance(cells, pa.ExtensionArray) else cells.dictionary_decode()
    if pa.types.is_string_view(cells.type):
        return cells.cast(pa.large_string())
    return cells.cast(pa.large_binary()) if pa.types.is_binary_view(cells.type) else cells


def _field(cells: Any, name: str) -> Any:
    """Return a field of cells; none if they do not have it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_struct(cells.type) or cells.type.get_field_index(name) < 0:
        return None
    return _plain(pc.struct_field(cells, name))


def _texts(cells: Any) -> list[str]:
    return [text for text in cells.to_pylist() if text] if any(kind(cells.type) for kind in _kinds_of_text()) else []


def _kinds_of_text() -> tuple[Callable[["pa.DataType"], bool], ...]:
    import pyarrow as pa

    return pa.types.is_string, pa.types.is_large_string


def _kinds_of_bytes() -> tuple[Callable[["pa.DataType"], bool], ...]:
    import pyarrow as pa

    return pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary


def _json_lines(path: Path, text: str) -> list[dict[str, Any]]:
    if text.lstrip().startswith("["):
        return _json_list(path, text)
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise MMABenchError(f"{path}, line {number} is not JSON: {error}; correct or remove it") from error
        if not isinstance(row, dict):
            raise MMABenchError(f"{path}, line {number} is not an object with a value per column")
        rows.append(row)
    return rows


def _json_list(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        rows = parse_json(text)
    except ValueError as error:
        raise MMABenchError(f"{path} is not JSON: {error}") from error
    if not all(isinstance(row, dict) for row in rows):
        raise MMABenchError(f"{path} is not a list of objects with a value per column")
    return list(rows)


def _csv_rows(path: Path, text: str) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        return [{name: value for name, value in row.items() if name} for row in reader]
    except csv.Error as error:
        raise MMABenchError(f"{path} is not CSV: {error}; correct or remove the line") from error


def _features(metadata: Mapping[bytes, bytes] | None) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return what the metadata of a file written by `datasets` say of its columns."""
    try:
        content = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        return _kinds_of(content.get("info", {}).get("features", {}))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}, {}


def _kinds_of(features: Mapping[str, Any]) -> tuple[dict[str, list[str]], dict[str, str]]:
    classes, kinds = {}, {}
    for name, feature in features.items():
        kind = feature.get("_type") if isinstance(feature, dict) else None
        if kind == "ClassLabel":
            classes[name] = [str(one) for one in feature.get("names", [])]
        elif kind in ("Image", "Audio"):
            kinds[name] = kind.casefold()
    return classes, kinds
