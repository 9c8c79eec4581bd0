"""The command of the proof, on a model of random weights: it runs, goes on, and writes its table."""

import json
import sys
from pathlib import Path

import pytest

from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.synthetic.pretrain import Pretraining, pretrain
from scripts.proof import ablation
from tests.conftest import ROOT, run_builder, run_command

ARCHITECTURE = "Qwen2_5OmniThinkerForConditionalGeneration"


@pytest.mark.slow
def test_the_ablation_tunes_merges_evaluates_and_compares(demo: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    thinker, tokenizer, extractor = random_thinker(ARCHITECTURE, Size())
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(base)
    command = [sys.executable, str(ROOT / "scripts/proof/ablation.py"), "--base", str(base), "--data", str(demo)]
    command += ["--train-config", "aligned", "--out", str(tmp_path / "out"), "--seeds", "2", "--steps", "1"]
    command += ["--limit", "1", "--kind", "all", "--kind", "instruction"]
    run_command(*command)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {name: len(runs) for name, runs in results.items()} == {"before": 1, "all": 2, "instruction": 1}
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert lines[2] == "| condition, question | before | all | instruction |"
    assert "| minus before | all | instruction |" in lines
    assert any(line.startswith("| audio_removed, audio: abstains |") for line in lines)
    assert any(line.startswith("| misleading_caption, visual: follows the caption |") for line in lines)
    assert (tmp_path / "out" / "ablation.png").stat().st_size > 1000
    run_command(*command[:-4], "--seeds", "1", "--kind", "+ language")  # keeps what was there
    kept = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {name: len(runs) for name, runs in kept.items()} == {
        **{name: len(runs) for name, runs in results.items()},
        "+ language": 1,
    }
    assert all(kept[name] == runs for name, runs in results.items())
    other = run_command(*command[:-4], "--seeds", "1", "--steps", "2", check=False)
    assert other.returncode == 2
    assert "other settings (steps: 1, now 2); give another --out" in other.stderr


@pytest.mark.slow
def test_the_search_scores_settings_on_clips_that_it_does_not_train_on(demo: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "scripts/proof/search.py"),
        "--base",
        "random:" + ARCHITECTURE,
        "--data",
        str(demo),
    ]
    command += ["--train-config", "aligned", "--steps", "1", "--trials", "2", "--out", str(tmp_path)]
    run_command(*command)
    results = json.loads((tmp_path / "results.json").read_text())
    assert sorted(trial["trial"] for trial in results) == [0, 1]
    default = next(trial for trial in results if trial["trial"] == 0)
    record = json.loads((tmp_path / "trial0" / "run.json").read_text())["configuration"]
    assert (default["rank"], default["lambda"]) == (record["lora"]["rank"], ablation.CONSISTENCY["weight"])
    assert (default["eps"], default["alpha"]) == (ablation.ADVERSARIAL["eps"], ablation.ADVERSARIAL["alpha"])
    assert [trial["scores"]["held out/accuracy"] for trial in results] == sorted(
        (trial["scores"]["held out/accuracy"] for trial in results), reverse=True
    )
    before = (tmp_path / "table.md").read_bytes()
    run_command(*command)  # resumes: nothing is tuned again
    assert (tmp_path / "table.md").read_bytes() == before


@pytest.mark.slow
def test_a_trained_model_has_the_bias_and_tuning_mends_it(tmp_path: Path) -> None:
    """The proof in small: everything is real, but the clips and the steps are few. Ten minutes of two cores."""
    pretrain(tmp_path / "base", Pretraining(threads=2, video_steps=1000, clips=200))
    build = ["run", "--config", str(ROOT / "builder/configs/synthetic.yaml"), "--set", "source.train=20"]
    run_builder(*build, "--set", "source.test=3", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "data"))
    command = [sys.executable, str(ROOT / "scripts/proof/ablation.py"), "--base", str(tmp_path / "base")]
    command += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    run_command(*command, "--seeds", "1", "--steps", "160", "--kind", "alignment")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    before, after = (
        {(cell["condition"], cell["modality"]): cell for cell in results[kind]["0"]} for kind in ("before", "alignment")
    )
    conflict, silence, dark = ("misaligned", "visual"), ("audio_removed", "audio"), ("frames_zeroed", "visual")
    assert before[conflict]["accuracy"] < 0.5
    assert before[conflict]["distraction_rate"] > 0.5
    assert before[silence]["abstention_rate"] == before[dark]["abstention_rate"] == 0
    assert after[conflict]["accuracy"] > before[conflict]["accuracy"] + 0.3
    assert after["misaligned", "audio"]["accuracy"] > 0.8
    assert min(after[silence]["abstention_rate"], after[dark]["abstention_rate"]) > 0.6
