"""Heads that decide: a planted one is found, removing it repairs the answers, and `head_gain` does so in a run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from mma_bench import MMABenchError
from mma_bench.diagnosis.parts.heads import Heads, ranking, ranks
from mma_bench.diagnosis.parts.repair import BEFORE, CHOSEN, MARGIN, RANDOM, RIGHT, Repair
from mma_bench.diagnosis.registry import Measured, schema_of
from mma_bench.diagnosis.silencing import Silencing
from mma_bench.models.omni import Asked, parse_settings
from mma_bench.models.omni.head_gain import FORMAT, apply_head_gain
from tests.diagnosis.models import (
    AUDIO_HEAD,
    CLASSES,
    FAMILIES,
    LETTERS,
    QUESTIONS,
    STREAMS,
    VIDEO_HEAD,
    make_engine,
    planted_engine,
    planted_subject,
    prompt_of,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_planted_head_is_found_and_its_removal_repairs_the_answers() -> None:
    engine = planted_engine()
    pairs = [(seen, heard) for seen in LETTERS for heard in LETTERS if seen != heard]
    subjects = [planted_subject(engine, *pair, clip) for clip, pair in enumerate(pairs)]
    halves = [ranks(subject) for subject in subjects]
    assert 3 <= sum(halves) <= 9
    found = [row for subject in subjects for row in Heads().measure(subject)]
    tables = {"heads": pa.Table.from_pylist(found, schema=schema_of(Heads))}
    measured = Measured(tables, layers=3, heads=4, seed=0, weights="sha256 0")
    order = ranking(tables["heads"].to_pandas())
    assert order["misaligned", "visual"][0] == AUDIO_HEAD, "it makes visual questions wrong"
    assert order["misaligned", "visual"][-1] == VIDEO_HEAD
    assert order["misaligned", "audio"][0] == VIDEO_HEAD
    assert order["misaligned", "audio"][-1] == AUDIO_HEAD

    repair = Repair()
    repair.prepare(measured)
    rows = [row for subject in subjects for row in repair.measure(subject)]
    tables["repair"] = pa.Table.from_pylist(rows, schema=schema_of(Repair))
    shares = {
        (number.modality, number.group): number for number in repair.numbers(measured) if number.quantity == RIGHT
    }
    assert shares["visual", BEFORE].value == 0
    assert shares["visual", CHOSEN].value == 1
    assert shares["visual", RANDOM].value == 0, "a random head repairs nothing"
    assert shares["audio", BEFORE].value == shares["audio", CHOSEN].value == 1
    changes = {number.group: number for number in repair.numbers(measured) if number.quantity == MARGIN}
    assert changes[CHOSEN].clips == len(halves) - sum(halves)
    gains = json.loads(repair.files(measured)["head_gain_misaligned_visual.json"])
    assert gains["gains"] == [{"layer": AUDIO_HEAD[0], "head": AUDIO_HEAD[1], "gain": 0.0}]


def write(path: Path, gains: list[dict[str, Any]], **more: Any) -> Path:
    path.write_text(json.dumps({"format": FORMAT, "gains": gains, **more}))
    return path


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_with_silenced_heads_answers_as_the_diagnosis_said(family: str, tmp_path: Path) -> None:
    heads = [(0, 1), (2, 0), (2, 3)]
    engine = make_engine(family)
    before, after = prompt_of(engine).read(CLASSES, [None, Silencing(heads)])
    file = write(tmp_path / "g.json", [{"layer": layer, "head": head, "gain": 0} for layer, head in heads])
    other = make_engine(family)
    apply_head_gain(other.thinker, file)
    (reply,) = other.answer(*STREAMS, [Asked(QUESTIONS[0].prompt, CLASSES)])
    assert list(reply.option_scores.values()) == pytest.approx(after.scores, abs=1e-4)
    assert np.abs(before.scores - after.scores).max() > 0.01
    same = make_engine(family)
    apply_head_gain(same.thinker, write(tmp_path / "one.json", [{"layer": 1, "head": 2, "gain": 1.0}]))
    (unchanged,) = same.answer(*STREAMS, [Asked(QUESTIONS[0].prompt, CLASSES)])
    assert list(unchanged.option_scores.values()) == pytest.approx(before.scores, abs=1e-4)


def test_the_content_of_the_file_is_part_of_the_model(tmp_path: Path) -> None:
    a = write(tmp_path / "a.json", [{"layer": 0, "head": 0, "gain": 0.5}])
    b = write(tmp_path / "b.json", [{"layer": 0, "head": 0, "gain": 0.5}])
    plain = parse_settings({}).deciding()
    assert "setting head_gain" not in plain, "runs of earlier versions must resume"
    first = parse_settings({"head_gain": str(a)}).deciding()
    assert first == parse_settings({"head_gain": str(b)}).deciding()
    assert {name for name in first if first[name] != plain.get(name)} == {"setting head_gain"}
    write(b, [{"layer": 0, "head": 0, "gain": 0.25}])
    assert first != parse_settings({"head_gain": str(b)}).deciding()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("[1]", "head_gain="),
        ('{"format": "other", "gains": [{"layer": 0, "head": 0, "gain": 0}]}', "format"),
        ('{"format": "mma-bench head gain", "gains": []}', "gains"),
        ('{"format": "mma-bench head gain", "gains": [{"layer": -1, "head": 0, "gain": 0}]}', "layer"),
        ('{"format": "mma-bench head gain", "gains": [{"layer": 0, "head": 0, "gain": NaN}]}', "head_gain="),
        ('{"format": "mma-bench head gain", "gains": [{"layer": 0, "head": 0}]}', "gain"),
    ],
)
def test_a_file_that_is_wrong_is_one_clear_error(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "g.json").write_text(content)
    with pytest.raises(MMABenchError, match=message) as error:
        parse_settings({"head_gain": str(tmp_path / "g.json")})
    assert "\n" not in str(error.value)


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match="cannot be read"):
        parse_settings({"head_gain": str(tmp_path / "none.json")})
    twice = write(tmp_path / "twice.json", [{"layer": 0, "head": 0, "gain": 0}] * 2)
    with pytest.raises(MMABenchError, match="named twice"):
        parse_settings({"head_gain": str(twice)})
    far = write(tmp_path / "far.json", [{"layer": 3, "head": 0, "gain": 0}])
    with pytest.raises(MMABenchError, match="has 3 layers of 4 heads"):
        apply_head_gain(make_engine(FAMILIES[0]).thinker, far)


def test_other_chosen_heads_are_measured_again() -> None:
    """With more clips the ranking may change; what was measured with other heads must not be taken for it."""

    def prepared(best: int, scale: float) -> Repair:
        frame = pd.DataFrame(
            {"question_id": "q", "key": "k", "clip": "c", "condition": "misaligned", "variant": "standard",
             "modality": "audio", "layer": [0, 1], "head": 0, "right_before": 0.0, "competing_before": 0.0,
             "right": [scale * (layer == best) for layer in (0, 1)], "competing": 0.0}
        )  # fmt: skip
        one = Repair()
        table = pa.Table.from_pandas(frame, schema=schema_of(Heads), preserve_index=False)
        one.prepare(Measured({"heads": table}, layers=2, heads=1, seed=0))
        return one

    assert prepared(1, 1.0).chosen == {("misaligned", "audio"): [(1, 0)]}
    assert prepared(1, 1.0).state == prepared(1, 2.0).state != prepared(0, 1.0).state
