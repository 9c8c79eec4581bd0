"""`python -m builder remove` and the list of removed ids."""

import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from datasets import load_dataset

import mma_bench
from builder.cli import main
from builder.package import replace
from mma_bench.dataset.integrity import verify_data
from tests.conftest import run_builder, tree


def remove(data: Path, *ids: str) -> Result:
    return CliRunner().invoke(main, ["remove", *ids, "--data", str(data)])


def stimuli_of(data: Path) -> dict[str, set[str | None]]:
    rows = pq.read_table(data / "metadata" / "stimuli.parquet").to_pylist()
    return {row["key"]: {row["video"]["clip_id"], row["audio"]["clip_id"]} for row in rows}


def test_only_the_shards_of_the_clip_are_written_again(demo: Path, tmp_path: Path) -> None:
    data = tmp_path / "mma-bench"
    shutil.copytree(demo, data, copy_function=os.link)  # the original would change with the copy if it were edited
    before, hashes = stimuli_of(data), tree(demo)
    nodes = {path.relative_to(data): path.stat().st_ino for path in data.rglob("*.tar")}
    clip = next(iter(before)).removeprefix("aligned_")
    result = remove(data, clip)
    assert result.exit_code == 0, result.output
    after = stimuli_of(data)
    assert after == {key: clips for key, clips in before.items() if clip not in clips}
    assert len(before) - len(after) == 5  # four of its own, and the clip that its sound was lent to
    left = {path.relative_to(data): path.stat().st_ino for path in data.rglob("*.tar")}
    assert len(left) == len(nodes)
    assert len(left.keys() - nodes.keys()) == 5  # a changed shard has another name, also for readers with a cache
    assert all(nodes[name] == node for name, node in left.items() if name in nodes)
    assert verify_data(data) == []
    assert tree(demo) == hashes
    assert all(clip not in {row.video_clip_id, row.audio_clip_id} for row in mma_bench.load(data))
    rows = load_dataset(str(data), split="test", streaming=True).remove_columns(["mp4", "flac"])
    assert [row["__key__"] for row in rows if row["json"]["condition"] == "aligned"] == [
        key for key in after if key.startswith("aligned_")
    ]


def test_the_last_clip_of_a_shard_a_wrong_id_and_a_failure_halfway(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(shutil.copytree(small_dataset, tmp_path / "mma-bench"))
    before = tree(data)
    clip = next(iter(stimuli_of(data))).removeprefix("aligned_")
    for wrong, message in (
        ("no-such-clip", "does not contain clip 'no-such-clip'"),
        ("../x", "is not the id of a clip"),
    ):
        result = remove(data, wrong)
        assert result.exit_code == 2
        assert message in result.stderr

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(replace, "seal", full)
        assert remove(data, clip).exit_code == 2
    assert tree(data) == before
    assert list(tmp_path.iterdir()) == [data]
    assert remove(data, clip).exit_code == 0
    assert verify_data(data) == []
    assert len(list((data / "data" / "aligned").glob("*.tar"))) == 1  # seven stimuli no longer fill eight shards
    everything = [row["clip_id"] for row in pq.read_table(data / "metadata" / "clips.parquet").to_pylist()]
    result = remove(data, *everything)
    assert result.exit_code == 2
    assert "nothing would be left" in result.stderr


def test_builds_and_the_loader_leave_removed_clips_out(small_dataset: Path, small_config: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(small_dataset, tmp_path / "mma-bench"))
    clip = next(iter(stimuli_of(data))).removeprefix("aligned_")
    with open(data / "removed_ids.txt", "a") as file:  # a list that is newer than the shards
        file.write(f"{clip.rpartition('_')[0]}  # all segments of this video\n")
    rows = mma_bench.load(data)
    assert len(rows) > 0
    assert all(clip not in {row.video_clip_id, row.audio_clip_id} for row in rows)
    places = ["--work", str(small_dataset.parent / "work"), "--out", str(data)]
    run_builder("run", "--config", str(small_config), *places)
    assert all(clip not in clips for clips in stimuli_of(data).values())
    assert verify_data(data) == []
    assert clip.rpartition("_")[0] in (data / "removed_ids.txt").read_text()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("funnel.json", '{"a": 1}'),
        ("funnel.json", "[1]"),
        ("funnel.json", '[{"stage": "x"}]'),
        ("funnel.json", '[{"stage": "# x", "in": 1, "kept": 1, "dropped": {}}]'),
        ("provenance.json", {"notices": 3}),
        ("provenance.json", {"hydrated": "x"}),
        ("provenance.json", {"note": "\ud800"}),
        ("provenance.json", {"config": []}),
    ],
)
def test_a_hostile_dataset_is_one_line_and_stays_as_it_is(
    small_dataset: Path, tmp_path: Path, name: str, content: str | dict[str, object]
) -> None:
    data = Path(shutil.copytree(small_dataset, tmp_path / "mma-bench"))
    path = data / "metadata" / name
    if isinstance(content, dict):
        content = json.dumps(json.loads(path.read_text()) | content)
    path.write_text(content)
    before = tree(data)
    result = remove(data, str(min(clip for clip in next(iter(stimuli_of(data).values())) if clip)))
    assert result.exit_code == 2, result.exception
    assert len(result.stderr.splitlines()) == 1
    assert tree(data) == before
