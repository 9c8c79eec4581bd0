"""The stage on the real lists: counts that add up, the published clips, and the same bytes twice."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from builder.select.cli import select as select_command
from builder.select.selection import select
from mma_bench.console.group import Command
from mma_bench.errors import MMABenchError
from tests.conftest import tree


def run_select(
    audioset: Path, out: Path, *lists: str, official: bool = False, skip_bad_rows: bool = False
) -> dict[str, Any]:
    result = select(
        out,
        ontology_path=audioset / "ontology.json",
        segment_paths=[audioset / name for name in lists],
        official=official,
        skip_bad_rows=skip_bad_rows,
    )
    return result.summary.as_dict()


def published(shared: Path) -> dict[str, str]:
    with open(shared / "mma_bench" / "official_clips.csv", newline="") as file:
        return {
            f"{row['youtube_id']}_{round(float(row['start_seconds']) * 1000)}": row["class"]
            for row in csv.DictReader(file)
        }


def test_evaluation_list(shared: Path, tmp_path: Path) -> None:
    counts = run_select(shared / "audioset", tmp_path / "eval.parquet", "eval_segments.csv")
    candidates = pq.read_table(tmp_path / "eval.parquet").to_pylist()
    dropped = pq.read_table(tmp_path / "eval.dropped.parquet").to_pylist()
    labels = {row["clip_id"]: row["label"] for row in candidates}

    assert len(candidates) <= 4300
    assert len({row["label"] for row in candidates}) == 61
    official = published(shared)
    assert len(official) == 658
    assert {clip_id: labels.get(clip_id) for clip_id in official} == official

    rows = (shared / "audioset" / "eval_segments.csv").read_text().splitlines()
    seen = [row["row"] for row in [*candidates, *dropped]]
    assert sorted(seen) == list(range(4, len(rows) + 1))  # every row is somewhere, once
    assert counts["rows"] == 20371 == len(candidates) + len(dropped)
    assert counts["candidates"] == len(candidates)
    assert counts["dropped"] == Counter(row["reason"] for row in dropped)
    assert all(row["detail"] for row in dropped)

    first = candidates[0]
    youtube_id, start, end, ids = rows[first["row"] - 1].split(", ")
    assert first["clip_id"] == f"{youtube_id}_{round(float(start) * 1000)}"
    assert (first["youtube_id"], first["start_seconds"], first["end_seconds"]) == (youtube_id, float(start), float(end))
    assert first["source_label_ids"] == ids.strip('"').split(",")
    assert first["source_labels"] == ["Hammer"]
    assert first["segment_list"] == "eval_segments"


def test_same_bytes_twice_and_provenance(shared: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run_select(shared / "audioset", tmp_path / name / "c.parquet", "balanced_train_segments.csv")
    one = tree(tmp_path / "one")
    assert one == tree(tmp_path / "two")
    assert set(one) == {"c.parquet", "c.dropped.parquet", "c.provenance.json"}
    provenance = json.loads((tmp_path / "one" / "c.provenance.json").read_text())
    assert provenance["outputs"] == {name: one[name] for name in ("c.parquet", "c.dropped.parquet")}
    assert provenance["inputs"]["rules"]["name"] == "mma_bench"
    assert provenance["counts"]["lists"][0]["rows"] == provenance["counts"]["lists"][0]["declared"] == 22160


def test_damaged_list_is_refused_or_counted(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match="--skip-bad-rows"):
        run_select(shared / "audioset", tmp_path / "d.parquet", "damaged_by_spreadsheet.csv")
    assert not list(tmp_path.iterdir())
    counts = run_select(shared / "audioset", tmp_path / "d.parquet", "damaged_by_spreadsheet.csv", skip_bad_rows=True)
    assert counts["rows"] == 397
    assert counts["dropped"]["bad_row"] == 310
    dropped = pq.read_table(tmp_path / "d.dropped.parquet").to_pylist()
    bad = [row for row in dropped if row["reason"] == "bad_row"]
    assert len(bad) == 310
    assert all(row["clip_id"] is None and row["detail"].startswith("lost_id: #NAME?") for row in bad)


def test_a_segment_in_two_lists_counts_once(shared: Path, tmp_path: Path) -> None:
    rows = (shared / "audioset" / "eval_segments.csv").read_text().splitlines(keepends=True)
    (tmp_path / "again.csv").write_text("".join(rows[:103]))
    lists = [shared / "audioset" / "eval_segments.csv", tmp_path / "again.csv"]
    ontology = shared / "audioset" / "ontology.json"
    summary = select(tmp_path / "c.parquet", ontology_path=ontology, segment_paths=lists).summary
    assert summary.lists[1].dropped == {"duplicate": 100}
    assert summary.videos_in_several_lists == 100
    ids = pq.read_table(tmp_path / "c.parquet")["clip_id"].to_pylist()
    assert len(ids) == len(set(ids))


def test_official_preset_with_and_without_lists(shared: Path, tmp_path: Path) -> None:
    official = published(shared)
    select(tmp_path / "alone.parquet", official=True)
    run_select(shared / "audioset", tmp_path / "checked.parquet", "eval_segments.csv", official=True)
    for name in ("alone", "checked"):
        rows = pq.read_table(tmp_path / f"{name}.parquet").to_pylist()
        assert {row["clip_id"]: row["label"] for row in rows} == official
        assert len(rows) == 658
    provenance = json.loads((tmp_path / "checked.provenance.json").read_text())
    assert provenance["counts"]["published_clips"]["with_published_class"] == 658
    assert provenance["counts"]["dropped"] == {"not_official": 20371 - 658}
    with pytest.raises(MMABenchError, match="658 of the 658 published clips are not in balanced_train_segments"):
        run_select(shared / "audioset", tmp_path / "none.parquet", "balanced_train_segments.csv", official=True)


def test_official_clip_with_another_end_is_refused(shared: Path, tmp_path: Path) -> None:
    text = (shared / "audioset" / "eval_segments.csv").read_text()
    assert "-JUBdOr8Hes, 30.000, 40.000" in text
    changed = tmp_path / "eval_segments.csv"
    changed.write_text(text.replace("-JUBdOr8Hes, 30.000, 40.000", "-JUBdOr8Hes, 30.000, 39.000"))
    ontology = shared / "audioset" / "ontology.json"
    with pytest.raises(MMABenchError, match=r"-JUBdOr8Hes_30000 ends at 39\.0 s, the published clip at 40\.0 s"):
        select(tmp_path / "o.parquet", ontology_path=ontology, segment_paths=[changed], official=True)


def command(*arguments: str) -> Result:
    return CliRunner().invoke(Command(commands={"select": select_command}), ["select", *arguments])


def test_command_line(shared: Path, tmp_path: Path) -> None:
    audioset, out = shared / "audioset", str(tmp_path / "c.parquet")
    inputs = ["--ontology", str(audioset / "ontology.json"), "--segments"]
    good = command(*inputs, str(audioset / "eval_segments.csv"), "--out", out)
    assert good.exit_code == 0
    assert "20,371  segments in eval_segments" in good.output
    assert "candidates in 61 of 61 classes" in good.output
    counted = command(*inputs, str(audioset / "eval_segments.csv"), "--out", out, "--json")
    assert json.loads(counted.stdout)["rows"] == 20371
    for wrong in (
        [*inputs, str(audioset / "damaged_by_spreadsheet.csv"), "--out", out],
        [*inputs, str(tmp_path / "missing.csv"), "--out", out],
        ["--out", out],
        ["--preset", "official", "--out", str(tmp_path / "c.csv")],
    ):
        refused = command(*wrong)
        assert refused.exit_code == 2
        errors = [line for line in refused.stderr.splitlines() if not line.startswith(("reading", "judging"))]
        assert len(errors) == 1
        assert errors[0].startswith("error: ")
