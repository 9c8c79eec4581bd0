"""Text of unknown origin cannot move a cursor, turn the text around it, break a line, or run in a spreadsheet."""

import csv
import io
import json

import pytest

from mma_bench.errors import MMABenchError
from mma_bench.files.text import csv_text, json_literal, one_line, shown, visible

HOSTILE = "a\x1b[2J\u202eb\u2028c\x85d\ud800e\x00f\u200bg\r\nh\x7f"


def is_harmless(text: str) -> bool:
    return text.isprintable() and bool(text.encode("utf-8"))


def test_every_form_that_is_for_one_line_is_printable_and_can_be_encoded() -> None:
    for text in (one_line(HOSTILE), shown(HOSTILE), visible(HOSTILE, one_line=True), str(MMABenchError(HOSTILE))):
        assert is_harmless(text), text
    line = json_literal({"answer": HOSTILE})
    assert len(line.encode("utf-8").decode().splitlines()) == 1
    assert json.loads(line) == {"answer": HOSTILE}


def test_a_long_line_is_cut_and_says_so() -> None:
    assert one_line("word " * 100, 12) == "word word w…"
    assert one_line("word " * 2, 9) == "word word"
    assert shown("x" * 200, 10) == "'xxxxxxx...'"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1"])
def test_no_cell_is_a_formula(text: str) -> None:
    (_, row) = csv.reader(io.StringIO(csv_text(["text"], [[text]])))
    assert row[0].startswith(("'", "[U+"))


@pytest.mark.parametrize("text", ["", " ", "a=b", "it's", "1-2"])
def test_other_cells_are_as_they_were(text: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_text(["text", "after"], [[text, 0.5]]))))
    assert rows == [["text", "after"], [text, "0.5"]]
