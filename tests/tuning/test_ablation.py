"""The command of the proof, on a model of random weights: it runs, goes on, and writes its table."""

import json
import sys
from pathlib import Path

import pytest

from mma_bench.models.transformers_omni.random_weights import Size, random_thinker
from tests.conftest import ROOT, run_command


@pytest.mark.slow
def test_the_ablation_tunes_merges_evaluates_and_compares(demo: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    thinker, tokenizer, extractor = random_thinker("Qwen2_5OmniThinkerForConditionalGeneration", Size())
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(base)
    command = [sys.executable, str(ROOT / "scripts/proof/ablation.py"), "--base", str(base), "--data", str(demo)]
    command += ["--train-config", "aligned", "--out", str(tmp_path / "out"), "--seeds", "2", "--steps", "1"]
    command += ["--limit", "1", "--kind", "all"]
    run_command(*command)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {name: len(runs) for name, runs in results.items()} == {"before": 1, "all": 2}
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert lines[2] == "| condition, question | before | all |"
    assert any(line.startswith("| audio_removed, audio: abstains |") for line in lines)
    assert any(line.startswith("| misleading_caption, visual: follows the caption |") for line in lines)
    assert (tmp_path / "out" / "ablation.png").stat().st_size > 1000
