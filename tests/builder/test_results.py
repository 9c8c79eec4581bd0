"""What a stage found out survives a kill at any byte, a second writer and a change of settings."""

import struct
from pathlib import Path

import pyarrow as pa
import pytest

from builder.results import Record, Results
from mma_bench.errors import MMABenchError

COLUMNS = pa.schema([("marks", pa.list_(pa.uint32()))])
NAMES = pa.array(["a", "b", "c", "d"])


def record(name: str, found: str = "{}", inputs: str = "1") -> Record:
    return Record(name, inputs, found, {"marks": [ord(name)]})


def write(results: Results, run: int, *blocks: list[Record], rank: int = 0) -> Path:
    writer = results.writer(run, rank)
    for block in blocks:
        writer.append(block)
    writer.close()
    return max(results.segments.glob("*.segment"), key=lambda path: path.stat().st_mtime_ns)


def found_in(results: Results) -> list[str | None]:
    return [one["found"] if one else None for one in results.find(NAMES).records(0, len(NAMES))]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_kill_at_any_byte_loses_the_block_that_was_being_written_and_no_other(
    compacted: bool, tmp_path: Path
) -> None:
    results = Results(tmp_path / "whole", COLUMNS)
    path = write(results, 1, [record("a", "1"), record("b", "2")], [record("c", "3")])
    content = path.read_bytes()
    first = len(write(Results(tmp_path / "first", COLUMNS), 1, [record("a", "1"), record("b", "2")]).read_bytes())
    for length in (0, 1, 15, first - 1, first, first + 1, first + 16, len(content) - 1):
        torn = Results(tmp_path / f"{length}", COLUMNS)
        write(torn, 1, [record("a")]).write_bytes(content[:length])
        if compacted:
            torn.compact()
        assert found_in(torn) == (["1", "2", None, None] if length >= first else [None] * 4), length
    path.write_bytes(content[:first] + struct.pack("<8sQ", content[:8], 1 << 63))
    assert found_in(results) == ["1", "2", None, None]
    flipped = bytearray(content)
    flipped[first + 40] ^= 1
    path.write_bytes(flipped)
    assert found_in(results) == ["1", "2", None, None]


def test_the_record_of_the_last_run_counts_before_and_after_segments_are_compacted(tmp_path: Path) -> None:
    results = Results(tmp_path, COLUMNS)
    write(results, 1, [record("a", "old"), record("b", "old")], rank=7)
    write(results, 2, [record("b", "new")], [record("c", "new")])
    expected = ["old", "new", "new", None]
    assert found_in(results) == expected
    results.compact()
    assert not list(results.segments.glob("*"))
    assert found_in(results) == expected
    write(results, 3, [record("a", "newest")])
    results.compact()
    assert found_in(results) == ["newest", "new", "new", None]
    assert len(list(results.sources()[0].clip_ids())) == 3


def test_two_tasks_of_one_rank_write_two_files(tmp_path: Path) -> None:
    results = Results(tmp_path, COLUMNS)
    writers = [results.writer(1, 0), results.writer(1, 0)]
    for writer in writers:
        writer.append([record("a", "same")])
    for writer in writers:
        writer.close()
    assert len(list(results.segments.glob("*"))) == 2
    results.compact()
    assert found_in(results) == ["same", None, None, None]


def test_columns_come_in_the_order_of_the_clips_that_are_asked_for(tmp_path: Path) -> None:
    results = Results(tmp_path, COLUMNS)
    write(results, 1, [record("c"), record("a")], [record("b")])
    for _ in range(2):
        found = [
            mark for t in results.find(pa.array(["a", "b", "c"])).columns(["marks"]) for mark in t["marks"].to_pylist()
        ]
        assert found == [[97], [98], [99]]
        results.compact()
    with pytest.raises(MMABenchError, match="1 clips have no record"):
        list(results.find(NAMES).columns(["marks"]))


def test_chosen_records_are_forgotten(tmp_path: Path) -> None:
    results = Results(tmp_path, COLUMNS)
    write(results, 1, [record("a", "keep"), record("b", "forget")])
    assert results.forget(lambda found: found == "forget") == 1
    assert found_in(results) == ["keep", None, None, None]
    assert results.forget(lambda found: found == "forget") == 0


def test_results_with_other_columns_are_not_used(tmp_path: Path) -> None:
    write(Results(tmp_path), 1, [Record("a", "1", "{}", {})])
    Results(tmp_path).compact()
    assert found_in(Results(tmp_path, COLUMNS)) == [None] * 4


def test_a_task_of_an_earlier_run_that_still_writes_changes_nothing(tmp_path: Path) -> None:
    results = Results(tmp_path, COLUMNS)
    write(results, 2, [record("a", "new")])
    results.compact()
    write(results, 1, [record("a", "old")])
    write(results, 2, [record("a", "of a lost node")])
    assert found_in(results)[0] == "new"
    assert results.last_run() == 2
    write(results, 3, [record("b", "newer")])
    results.compact()
    assert found_in(results) == ["new", "newer", None, None]
    assert results.last_run() == 3


def test_columns_of_clips_in_another_order_than_they_were_written(tmp_path: Path) -> None:
    results = Results(tmp_path, COLUMNS)
    write(results, 1, [record("a")], [record("c")], [record("b")], [record("d")])
    for order in ("dcba", "badc"):
        found = [
            chr(m[0]) for t in results.find(pa.array(list(order))).columns(["marks"]) for m in t["marks"].to_pylist()
        ]
        assert "".join(found) == order


def test_a_damaged_file_and_a_column_with_a_taken_name_are_one_clear_error(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.compacted.write_bytes(b"PAR1")
    with pytest.raises(MMABenchError, match=r"results\.parquet is damaged"):
        results.find(NAMES)
    with pytest.raises(MMABenchError, match="two columns of one name"):
        Results(tmp_path, pa.schema([("inputs", pa.string())]))
