"""Recognises what some data are, and reads them."""

import re
from pathlib import Path

from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.arrow_check import check_tables
from mma_bench.files.documents import parse_json
from mma_bench.interference.protocol import Protocol
from mma_bench.interference.sources.class_folders import read_class_folders
from mma_bench.interference.sources.clips import read_clips
from mma_bench.interference.sources.found import Found
from mma_bench.interference.sources.labelled_rows import read_labelled_rows
from mma_bench.interference.sources.questions import read_columns, read_questions
from mma_bench.interference.sources.rows import ParquetRows, Rows, SavedRows, TextRows

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_SPLITS = {"train", "test", "val", "valid", "validation", "dev", "eval"}
_SPLIT_OF = re.compile(r"[-._]")
_TABLES = (".jsonl", ".json", ".csv", ".parquet")


def read_items(
    data: str | Path,
    protocol: Protocol,
    *,
    split: str = "test",
    limit: int | None = None,
    columns: Path | None = None,
    progress: bool = True,
) -> Found:
    """Return the questions of any data.

    Args:
        data: folder with a subfolder per class; folder of a Hugging Face dataset; mma-bench dataset, or its name on a
            hub; a table of questions, or the YAML that names it and its columns.
        protocol: options, wording and seed.
        split: of a dataset that has several.
        limit: maximum number of items of each kind.
        columns: YAML that names the columns of a table of questions.
        progress: show progress on standard error.

    Raises:
        MMABenchError: the data are none of these, or have nothing to ask about.
    """
    path = Path(data)
    if path.suffix.casefold() in (".yaml", ".yml") and path.is_file():
        named = read_columns(path)
        if named.file is None:
            raise MMABenchError(
                f"{path} names no file; add `file: TABLE`, or give the table as --data and this as --columns"
            )
        return read_questions(_rows(path.parent / named.file, split), named, protocol, limit)
    if columns is not None:
        return read_questions(_rows(path, split), read_columns(columns), protocol, limit)
    if path.is_file():
        hint = (
            "needs --columns FILE.yaml, which names its columns"
            if path.suffix.casefold() in _TABLES
            else ("is no table (.jsonl, .csv, .parquet) and no folder")
        )
        raise MMABenchError(f"{path} {hint}; see docs/interference.md")
    if not path.exists() and not _HUB_NAME.fullmatch(str(data)):
        raise MMABenchError(f"there is no file or folder {data}")
    if not path.is_dir() or (path / "metadata" / "stimuli.parquet").is_file():
        return read_clips(str(data), protocol, split, limit)
    if _is_saved(path) or _parquet_files(path):
        return read_labelled_rows(_rows(path, split), protocol, limit, progress=progress)
    return read_class_folders(_of_split(path, split), protocol, limit, progress=progress)


def _of_split(path: Path, split: str) -> Path:
    """Return the folder of classes: a folder that has only those of splits is not one itself."""
    names = sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names or not {name.casefold() for name in names} <= _SPLITS:
        return path
    if split not in names:
        raise MMABenchError(f"{unknown(f'{path} has no split', split, names)}; choose with --split")
    return path / split


def _rows(path: Path, split: str) -> Rows:
    if path.is_dir():
        if _is_saved(path):
            return _saved(path, split)
        files = _parquet_files(path)
        of_split = [file for file in files if file.name.startswith((f"{split}-", f"{split}.", f"{split}_"))]
        if files:
            others = [name for file in files if (name := _SPLIT_OF.split(file.name)[0]).casefold() in _SPLITS]
            if others and not of_split:
                names = list(dict.fromkeys(others))
                raise MMABenchError(f"{unknown(f'{path} has no split', split, names)}; choose with --split")
            return ParquetRows(of_split or files, path)
        raise MMABenchError(f"{path} has no Parquet files and was not saved by `datasets`; give the table itself")
    if not path.is_file():
        raise MMABenchError(f"there is no file {path}")
    suffix = path.suffix.casefold()
    if suffix not in _TABLES:
        raise MMABenchError(f"{path}: {unknown('unknown kind of table', suffix, _TABLES)}")
    return ParquetRows([path], path.parent) if suffix == ".parquet" else TextRows(path)


def _is_saved(path: Path) -> bool:
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def _parquet_files(path: Path) -> list[Path]:
    return sorted([*path.glob("*.parquet"), *path.glob("data/*.parquet")])


def _saved(path: Path, split: str) -> Rows:
    import datasets

    if (path / "dataset_dict.json").is_file():
        splits = sorted(entry.name for entry in path.iterdir() if (entry / "state.json").is_file())
        if split not in splits:
            raise MMABenchError(f"{unknown(f'{path} has no split', split, splits)}; choose with --split")
        chosen = path / split
    else:
        chosen = path
    try:
        check_tables(_saved_files(chosen))
        return SavedRows(path, datasets.load_from_disk(str(chosen)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise MMABenchError(
            f"{path} cannot be read as a saved dataset: {' '.join(str(error).split())[:200]}"
        ) from error


def _saved_files(path: Path) -> list[Path]:
    """Return the Arrow files that a saved dataset names."""
    named = [Path(file["filename"]) for file in parse_json((path / "state.json").read_text("utf-8"))["_data_files"]]
    if not named:
        raise ValueError("state.json names no files")
    if outside := [name for name in named if name.name != str(name)]:
        raise ValueError(f"state.json names {outside[0]}, which is not in the folder")
    return [path / name for name in named]
