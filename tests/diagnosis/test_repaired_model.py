"""A model with `head_gain` is diagnosed with its gains: no intervention takes them away."""

import json
from pathlib import Path

import numpy as np
import pytest

from mma_bench.diagnosis.blocking import Blocking
from mma_bench.diagnosis.silencing import Silencing
from mma_bench.models.omni.head_gain import FORMAT, apply_head_gain
from tests.diagnosis.models import FAMILIES, make_engine, prompt_of


def write(path: Path, gains: list[tuple[int, int, float]]) -> Path:
    """Write a file of gains: layer, head and factor."""
    named = [{"layer": layer, "head": head, "gain": gain} for layer, head, gain in gains]
    path.write_text(json.dumps({"format": FORMAT, "gains": named}))
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
