"""The `synthetic` source: clips of a seed become a dataset that is whole, and the same each time."""

from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset

from builder.sources.synthetic import SyntheticSettings, SyntheticSource
from mma_bench import MMABenchError, load
from mma_bench.dataset.integrity import verify_data
from mma_bench.synthetic import clip_seed, render
from tests.conftest import ROOT, run_builder, settings

CONFIG = ROOT / "builder" / "configs" / "synthetic.yaml"
SMALL = ("source.classes=[Bell,Rain]", "source.test=1", "source.train=1", "executor.workers=1")


def test_procedural_clips_become_a_valid_dataset(tmp_path: Path) -> None:
    out = tmp_path / "synthetic"
    run_builder("run", "--config", str(CONFIG), "--work", str(tmp_path / "work"), "--out", str(out), *settings(*SMALL))
    assert verify_data(out) == []
    streamed = load_dataset(str(out), "aligned", split="test", streaming=True)
    assert {row["json"]["video"]["label"] for row in streamed.decode(False)} == {"Bell", "Rain"}
    found = load(out, condition="aligned")
    assert {row.video_clip_id for row in found} == {"Bell_test_0_0", "Rain_test_0_0"}
    clip = render("Bell", clip_seed("test", 0), fps=4)
    media = next(sample.media for sample in found.samples if sample.stimulus.video.clip_id == "Bell_test_0_0")
    assert np.abs(media.audio() - clip.samples).max() < 1e-3
    assert np.abs(media.frames(4).astype(int) - clip.frames).mean() < 12  # x264's loss, and other grain


def test_a_clip_has_the_same_bytes_each_time_and_others_in_the_other_split(tmp_path: Path) -> None:
    source = SyntheticSource(SyntheticSettings(kind="synthetic", test=1, train=1, classes=["Bell", "Saw"]), seed=3)
    rows = list(source.rows())
    assert [(row.visual_label, row.split) for row in rows] == [
        ("Bell", "test"),
        ("Saw", "test"),
        ("Bell", "train"),
        ("Saw", "train"),
    ]
    files = [source.fetch(row, tmp_path / "a").read_bytes() for row in rows]
    assert len(set(files)) == 4
    assert source.fetch(rows[0], tmp_path / "b").read_bytes() == files[0]


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(MMABenchError, match="there is no 'Zebra'"):
        SyntheticSource(SyntheticSettings(kind="synthetic", classes=["Bell", "Zebra"]), seed=0)
