"""Files that cells of a table name belong to the state of the data, whatever the type of the column."""

from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mma_bench import MMABenchError
from mma_bench.interference.protocol import load_protocol
from mma_bench.interference.sources.cells import cell_reader, fingerprint_of
from mma_bench.interference.sources.read import read_items
from mma_bench.interference.sources.rows import ParquetRows, Rows, TextRows

LARGEST = 1 << 20


def _struct(inside: pa.Array, path: pa.Array) -> pa.Array:
    return pa.StructArray.from_arrays([inside, path], ["bytes", "path"])


NAMES = pa.array(["x.png", "x.png"])
CELLS = {
    "text": NAMES,
    "categories": NAMES.dictionary_encode(),
    "views": NAMES.cast(pa.string_view()),
    "no bytes": _struct(pa.array([None, None], pa.binary()), NAMES),
    "empty bytes": _struct(pa.array([b"", b""]), NAMES),
    "empty views": _struct(pa.array([b"", b""], pa.binary_view()), NAMES.cast(pa.string_view())),
    "categories in a field": _struct(pa.array([b"", b""]).dictionary_encode(), NAMES.dictionary_encode()),
    "nothing in bytes": _struct(pa.nulls(2), NAMES),
    "a path in bytes": _struct(NAMES, pa.nulls(2, pa.string())),
    "bytes in one row": _struct(pa.array([b"inside", b""]), NAMES),
    "a field": pa.StructArray.from_arrays([_struct(pa.array([b"", b""]), NAMES)], ["photo"]),
}


def test_a_file_that_is_read_is_in_the_fingerprint(tmp_path: Path) -> None:
    pq.write_table(pa.table({**CELLS, "inside": _struct(pa.array([b"a", b"b"]), NAMES)}), tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text('{"image": {"bytes": "x.png", "path": null}}\n' * 2)
    table, lines = ParquetRows([tmp_path / "t.parquet"], tmp_path), TextRows(tmp_path / "t.jsonl")
    asked: list[tuple[Rows, str]] = [(table, name) for name in CELLS if name != "a field"]
    asked += [(table, "a field.photo"), (lines, "image")]
    states: list[list[str]] = []
    for content in (b"old", b"new"):
        (tmp_path / "x.png").write_bytes(content)
        for rows, column in asked:
            assert cell_reader(rows, 1, column, LARGEST)() == content, column
        states.append([fingerprint_of(rows, [column], LARGEST) for rows, column in asked])
    missed = [column for (_, column), *found in zip(asked, *states, strict=True) if found[0] == found[1]]
    assert missed == []
    assert fingerprint_of(table, ["inside"], LARGEST) == table.fingerprint, "the file is not read"


def test_tables_of_more_files_than_a_process_may_open_are_read(tmp_path: Path) -> None:
    import resource

    table = tmp_path / "t.parquet"
    pq.write_table(pa.table({"number": [1]}), table)
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        rows = ParquetRows([table] * 150, tmp_path)
        assert rows.column("number") == [1] * 150
        assert rows.row(149, ["number"]) == {"number": 1}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("state.json", '{"_data_files": []}', "state.json names no files"),
        ("state.json", '{"_data_files": [[]]}', "cannot be read as a saved dataset"),
        ("state.json", "[" * 100_000, "nested too deeply"),
        ("dataset_info.json", "[" * 100_000, "cannot be read as a saved dataset"),
        ("dataset_info.json", '{"features": ' + '{"a": ' * 100_000, "cannot be read as a saved dataset"),
    ],
)
def test_a_saved_dataset_with_hostile_descriptions_is_one_error(
    tmp_path: Path, file: str, content: str, message: str
) -> None:
    datasets.Dataset.from_list([{"image": "x.png", "label": 0}]).save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "saved" / file).write_text(content)
    with pytest.raises(MMABenchError, match=message):
        read_items(tmp_path / "saved", load_protocol(None), progress=False)


def test_a_parquet_file_with_a_hostile_description_is_read_without_it(tmp_path: Path) -> None:
    table = pa.table({"image": ["x.png"]}).replace_schema_metadata({"huggingface": "[" * 100_000})
    pq.write_table(table, tmp_path / "t.parquet")
    assert ParquetRows([tmp_path / "t.parquet"], tmp_path).classes == {}
