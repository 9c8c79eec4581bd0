"""docs/frames.md: its code runs on the demo and prints what the page shows; its tables name every column."""

import contextlib
import io
import re
from pathlib import Path

import pytest

import mma_bench
from builder.manifest_file import read_manifest, write_manifest
from builder.manifest_frame import read_manifest_frame
from mma_bench import MMABenchError
from mma_bench.evaluation import rescore
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "frames.md").read_text(encoding="utf-8")
ANALYSES = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def printed(code: str) -> str:
    target = io.StringIO()
    with contextlib.redirect_stdout(target):
        exec(code, {})
    return target.getvalue()


def shape(text: str) -> list[list[str]]:
    """Return the words of each line without its numbers, which differ between processors."""
    return [re.sub(r"[\d.]+|NaN", "#", line).split() for line in text.splitlines()]


@pytest.mark.parametrize("number", range(3))
def test_analyses_of_the_page(number: int, demo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown = ANALYSES[number]
    assert len([line for line in code.splitlines() if line]) == 5
    monkeypatch.chdir(demo_folder)
    found = printed(code)
    if number == 1:  # which classes lead depends on the processor
        assert len(shape(found)) == len(shape(shown))
        assert shape(found)[:2] == shape(shown)[:2]
    else:
        assert shape(found) == shape(shown)


def test_the_first_analysis_gives_the_numbers_of_scores_json(
    demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo_folder)
    found = {words[0]: words[1:] for line in printed(ANALYSES[0][0]).splitlines() if (words := line.split())}
    for cell in rescore(Path("runs/demo/cascade")).scores.cells:
        shown = found[cell.condition][0 if cell.modality == "visual" else 1]
        assert shown == (f"{round(100 * cell.accuracy, 1)}" if cell.answerable else "NaN")


def test_the_page_names_every_column(demo_folder: Path) -> None:
    answers = mma_bench.read_run(demo_folder / "runs" / "demo" / "cascade")
    questions = mma_bench.load(demo_folder / "mma-bench").to_frame()
    named = {
        name for row in re.findall(r"^\| (`.*?) \| [\w ]+ \| ", PAGE, re.MULTILINE) for name in row.split("`")[1::2]
    }
    assert {*answers.columns, *questions.columns} <= named


def test_a_manifest_as_a_frame(demo_folder: Path, tmp_path: Path) -> None:
    path = demo_folder / "work" / "demo" / "verify" / "manifest.parquet"
    rows, frame = read_manifest(path), read_manifest_frame(path)
    assert frame.clip_id.tolist() == [row.clip_id for row in rows]
    assert frame.audio_peak.tolist() == [row.quality.audio_peak for row in rows if row.quality]
    assert (frame.visual_label == frame.audio_label).tolist() == [row.streams_agree for row in rows]
    write_manifest(tmp_path / "manifest.parquet", [rows[0].drop("verify", "no_sound", "said No"), *rows[1:]])
    kept = read_manifest_frame(tmp_path / "manifest.parquet", kept_only=True)
    assert kept.clip_id.tolist() == frame.clip_id.tolist()[1:]
    assert str(frame.people_yes.dtype) == "Int64"  # empty, and no float for that
    (tmp_path / "not.parquet").write_bytes(b"not a table")
    for wrong in (tmp_path / "not.parquet", tmp_path / "none.parquet"):
        with pytest.raises(MMABenchError, match="is not a manifest of this version"):
            read_manifest_frame(wrong)
