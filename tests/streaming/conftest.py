"""A small training set of real clips, built once: 11 samples in 8 shards, which divides by nothing."""

from pathlib import Path

import pytest

from mma_bench import load
from tests.conftest import SMALL, run_builder, settings


@pytest.fixture(autouse=True)
def no_marks_at_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams mark what they verified in a temporary folder. Fixtures of the session keep the cache of downloads."""
    monkeypatch.setenv("MMA_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def train(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    rows = ["file,label,licence,split"]
    for sample in load(demo, condition="aligned", limit=11).samples:
        name = f"{sample.stimulus.video.clip_id}.mp4"
        (folder / name).write_bytes(sample.media.mp4())
        rows.append(f"{name},{sample.stimulus.video.label},as the demo,train")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    config = folder / "config.yaml"
    config.write_text(f"source: {{kind: folder, csv: {folder / 'clips.csv'}}}\n")
    out = folder / "dataset"
    run_builder("run", "--config", str(config), "--work", str(folder / "w"), "--out", str(out), *settings(*SMALL))
    return out
