"""The stage `package`: what an interrupted run leaves, and each hash told once."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from builder.cli import main
from builder.package import dataset
from mma_bench.dataset.integrity import verify_data
from tests.conftest import tree


def build(config: Path, work: Path, out: Path) -> Result:
    """Run `python -m builder run` in this process."""
    return CliRunner().invoke(main, ["run", "--config", str(config), "--work", str(work), "--out", str(out)])


def test_a_run_that_died_behind_its_shards_goes_on_there_and_ends_in_the_same_bytes(
    small_config: Path, small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    work, out = small_dataset.parent / "work", tmp_path / "mma-bench"
    with monkeypatch.context() as patch:
        patch.setattr(dataset, "write_contents", full)
        assert build(small_config, work, out).exit_code == 2
    assert not out.exists()
    staging = tmp_path / ".mma-bench.partial"
    shards = {path.relative_to(staging): path.stat().st_ino for path in staging.rglob("*.tar")}
    lost = sorted(shards)[3]
    (staging / ".index" / f"{lost.as_posix().replace('/', '_').rpartition('-')[0]}.parquet").unlink()
    shutil.rmtree(work / "package" / "log")  # as if the kill had come while the shards were written
    assert build(small_config, work, out).exit_code == 0
    assert tree(out) == tree(small_dataset)
    assert verify_data(out) == []
    assert {name for name, node in shards.items() if (out / name).stat().st_ino != node} == {lost}


def test_a_stream_that_changed_after_it_was_normalised_stops_the_build(
    small_config: Path, small_dataset: Path, tmp_path: Path
) -> None:
    work = small_dataset.parent / "work"
    clip = sorted((work / "normalise" / "clips").rglob("*.flac"))[2]
    content = clip.read_bytes()
    try:
        clip.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        result = build(small_config, work, tmp_path / "mma-bench")
        assert result.exit_code == 2
        assert "flac stream changed or vanished" in result.stderr
        assert not (tmp_path / "mma-bench").exists()
    finally:
        clip.write_bytes(content)
