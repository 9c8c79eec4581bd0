"""A model with `head_gain` is diagnosed with its gains: no intervention takes them away."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mma_bench import MMABenchError
from mma_bench.diagnosis.blocking import Blocking
from mma_bench.diagnosis.parts.heads import Heads
from mma_bench.diagnosis.parts.repair import Repair
from mma_bench.diagnosis.registry import Measured, schema_of
from mma_bench.diagnosis.silencing import Silencing
from mma_bench.evaluation.protocols import deviations, load_protocol
from mma_bench.models.omni import Settings, parse_settings
from mma_bench.models.omni.checkpoint import load_checkpoint
from mma_bench.models.omni.head_gain import FORMAT, apply_head_gain, read_head_gain
from mma_bench.models.omni.random_weights import Size, random_thinker
from tests.diagnosis.models import FAMILIES, make_engine, prompt_of


def write(path: Path, gains: list[tuple[Any, Any, Any]], **more: Any) -> Path:
    """Write a file of gains: layer, head and factor."""
    named = [{"layer": layer, "head": head, "gain": gain} for layer, head, gain in gains]
    path.write_text(json.dumps({"format": FORMAT, "gains": named, **more}))
    return path


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_a_knock_out_keeps_the_gains(kernel: str, tmp_path: Path) -> None:
    """Cutting nothing changes nothing, and a cut under gains of 0 is one under silenced heads."""
    heads = [(0, 1), (1, 0), (2, 3)]
    plain, repaired = make_engine(FAMILIES[0], kernel), make_engine(FAMILIES[0], kernel)
    apply_head_gain(repaired.thinker, write(tmp_path / "g.json", [(layer, head, 0.0) for layer, head in heads]))
    prompt = prompt_of(repaired)
    new = np.ones(prompt.map.length - prompt.map.media_end, bool)
    nothing = Blocking(range(3), new, np.zeros(prompt.map.length, bool))
    before, cut, silenced = prompt.read(["Dog"], [None, nothing, Silencing(heads)])
    assert cut.scores == pytest.approx(before.scores, abs=1e-4)
    assert silenced.scores == pytest.approx(before.scores, abs=1e-4)
    (ungained,) = prompt_of(plain).read(["Dog"], [None])
    assert abs(ungained.scores - before.scores).max() > 0.01, "the gains must matter for this to show anything"


def test_a_file_names_the_clips_that_chose_the_heads_and_a_run_says_so(tmp_path: Path) -> None:
    """A score on these clips is too good, so nobody may take it for one of a repair that was found elsewhere."""
    columns = {"condition": "misaligned", "modality": "visual", "layer": 0, "head": 0, "right_before": 0.0}
    rows = [
        {**columns, "question_id": clip, "key": clip, "clip": clip, "variant": "standard", "right": 1.0,
         "competing_before": 0.0, "competing": 0.0}
        for clip in ("b", "a", "b")
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=schema_of(Heads))
    files = Repair().files(Measured({"heads": table}, layers=1, heads=1, seed=0, weights="sha256 0"))
    (tmp_path / "g.json").write_bytes(files["head_gain_misaligned_visual.json"])
    assert read_head_gain(tmp_path / "g.json").clips == ["a", "b"]
    settings = parse_settings({"head_gain": str(tmp_path / "g.json")}).deciding()
    (note,) = deviations(load_protocol("paper"), settings)
    assert "which 2 clips chose: the scores are too good" in note
    settings = parse_settings({"head_gain": str(write(tmp_path / "own.json", [(0, 0, 0.5)]))}).deciding()
    assert deviations(load_protocol("paper"), settings) == ["attention heads are scaled by a file (head_gain)"]
    assert deviations(load_protocol("paper"), parse_settings({}).deciding()) == []


def test_gains_of_other_weights_are_refused_unless_the_file_names_none(tmp_path: Path) -> None:
    """Another model of the same shape has other heads at the same places."""
    thinker, tokenizer, extractor = random_thinker(FAMILIES[0], Size(layers=1))
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(tmp_path / "omni")
    file = write(tmp_path / "g.json", [(0, 1, 0.0)], weights="sha256 of another model")
    with pytest.raises(MMABenchError, match=r"g.json was found in other weights .* remove `weights` from the file"):
        load_checkpoint(str(tmp_path / "omni"), Settings(head_gain=str(file)))
    file = write(tmp_path / "g.json", [(0, 1, 0.0)])
    _, identity = load_checkpoint(str(tmp_path / "omni"), Settings(head_gain=str(file)))
    apply_head_gain(
        thinker, write(tmp_path / "g.json", [(0, 1, 0.0)], weights=identity["weights"]), identity["weights"]
    )


@pytest.mark.parametrize(
    "gain", [(True, 0, 0.5), ("0", 0, 0.5), (0, "1", 0.5), (0, False, 0.5), (0, 1.0, 0.5), (0, 0, "1")]
)
def test_layers_and_heads_are_whole_numbers(tmp_path: Path, gain: tuple[Any, Any, Any]) -> None:
    with pytest.raises(MMABenchError, match="head_gain="):
        read_head_gain(write(tmp_path / "g.json", [gain]))
    assert read_head_gain(write(tmp_path / "g.json", [(0, 1, 1)])).gains[0].gain == 1.0
