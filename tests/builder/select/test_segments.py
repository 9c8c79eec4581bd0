"""A segment list is read in AudioSet's form or refused with row numbers and the likely cause."""

from pathlib import Path

import pytest

from builder.select.ontology import read_ontology
from builder.select.segments import read_segments
from mma_bench.errors import MMABenchError

HEADER = "# Segments csv\n# num_ytids=2, num_segs=2\n# YTID, start_seconds, end_seconds, positive_labels\n"
GOOD = '--4gqARaEJE, 0.000, 10.000, "/m/a,/m/b"'
KNOWN = {"/m/a", "/m/b"}


def listing(folder: Path, *rows: str, header: str = HEADER, end: str = "\n") -> Path:
    path = folder / "list.csv"
    path.write_bytes((header + "".join(row + end for row in rows)).encode())
    return path


def test_good_rows(tmp_path: Path) -> None:
    path = listing(tmp_path, GOOD, '0123456789_, 30.500, 40, "/m/b"')
    found = read_segments(path, KNOWN)
    assert (found.name, found.rows, found.declared) == ("list", 2, 2)
    assert found.table.to_pylist() == [
        {
            "row": 4,
            "clip_id": "--4gqARaEJE_0",
            "youtube_id": "--4gqARaEJE",
            "start_seconds": 0.0,
            "end_seconds": 10.0,
            "labels": "/m/a,/m/b",
        },
        {
            "row": 5,
            "clip_id": "0123456789__30500",
            "youtube_id": "0123456789_",
            "start_seconds": 30.5,
            "end_seconds": 40.0,
            "labels": "/m/b",
        },
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_byte_order_mark(tmp_path: Path, end: str) -> None:
    path = listing(tmp_path, GOOD, header="\ufeff" + HEADER.replace("\n", end), end=end)
    assert read_segments(path, KNOWN).table["clip_id"].to_pylist() == ["--4gqARaEJE_0"]


def test_list_without_rows(tmp_path: Path) -> None:
    assert len(read_segments(listing(tmp_path), KNOWN).table) == 0


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ('#NAME?, 0.000, 10.000, "/m/a"', "spreadsheet"),
        ('#NAME?,20,30," ""/m/a""",,,,', "#NAME?"),
        ('0123456789a,0,10," ""/m/a","/m/b""",,,', "commas at the end: a spreadsheet"),
        ('0123456789a,0,10," ""/m/a","/m/zz""",,,', "the ontology does not have"),
        ('012345678, 0.000, 10.000, "/m/a"', "not a YouTube id"),
        ('0123456789+, 0.000, 10.000, "/m/a"', "not a YouTube id"),
        ('0123456789a, zero, 10.000, "/m/a"', "no number of seconds"),
        ('0123456789a, 10.000, 10.000, "/m/a"', "end is not after the start"),
        ('0123456789a, 0.000, nan, "/m/a"', "no number of seconds"),
        ('0123456789a, 0.000, 10.000, "/m/zz"', "the ontology does not have"),
        ('0123456789a, 0.000, 10.000, "/m/a, /m/b"', "not the four columns"),
        ("0123456789a, 0.000, 10.000, /m/a", "not one quoted list"),
        ('0123456789a, 0.000, 10.000, ""', "not one quoted list"),
        ("0123456789a,0.000,10.000,/m/a", "not the four columns"),
        ('0123456789a, 0.000, 10.000, "/m/a,/m', "breaks off"),
        ("0123456789a, 0.000, 10", "breaks off"),
        ("", "not the four columns"),
        (GOOD, "a segment that an earlier row has"),
        ('0123456789a, 0.000, 10.000, "/m/\u00e4"', "not one quoted list"),
    ],
)
def test_each_fault_is_named_with_its_row_and_can_be_skipped(tmp_path: Path, row: str, cause: str) -> None:
    path = listing(tmp_path, GOOD, row, '0000000000a, 0.000, 10.000, "/m/a"')
    with pytest.raises(MMABenchError) as caught:
        read_segments(path, KNOWN)
    message = str(caught.value)
    assert "list.csv: 1 of 3 rows" in message
    assert "row 5: " in message
    assert cause in message
    assert "\n" not in message
    found = read_segments(path, KNOWN, skip_bad_rows=True)
    assert [entry.row for entry in [*found.skipped, *found.read_back]] == [5]
    assert len(found.table) + len(found.skipped) == found.rows == 3


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", HEADER.replace("YTID", "id"), "\n" + HEADER, "\x00\x01\x02" * 100, GOOD + "\n"]
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(content)
    with pytest.raises(MMABenchError, match="not an AudioSet segment list"):
        read_segments(path, KNOWN, skip_bad_rows=True)


def test_list_damaged_by_a_spreadsheet(shared: Path) -> None:
    ontology = read_ontology(shared / "audioset" / "ontology.json")
    damaged = shared / "audioset" / "damaged_by_spreadsheet.csv"
    lost = [
        number for number, line in enumerate(damaged.read_text().splitlines(), start=1) if line.startswith("#NAME?")
    ]
    with pytest.raises(MMABenchError, match=r"397 of 397 rows .* rows 5-7, 39, .* formulas \(#NAME\?\)"):
        read_segments(damaged, ontology.nodes)
    found = read_segments(damaged, ontology.nodes, skip_bad_rows=True)
    assert [entry.row for entry in found.skipped] == lost
    assert (len(found.table), len(found.skipped), len(found.read_back)) == (87, 310, 87)

    whole = read_segments(shared / "audioset" / "eval_segments.csv", ontology.nodes).table
    columns = ["clip_id", "end_seconds", "labels"]
    original = {row["clip_id"]: row for row in whole.select(columns).to_pylist()}
    for row in found.table.select(columns).to_pylist():
        assert row == original[row["clip_id"]]
