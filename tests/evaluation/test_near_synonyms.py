"""Lies that are near-synonyms of the right class: replaced or left out by `robust`, kept by `paper`, and counted."""

import json
import sys
from pathlib import Path

import yaml

import mma_bench
from mma_bench.evaluation.protocols import apply_protocol, load_protocol, near_synonyms_of
from mma_bench.files.hashing import sha256_json
from mma_bench.questions.near_synonyms import are_near_synonyms, near_synonym_groups, near_synonyms
from mma_bench.schema import Stimulus
from tests.conftest import ROOT, run_command
from tests.planted import stimulus, write

CLASSES = ["Applause", "Bird", "Cat", "Clapping", "Fowl", "Pig"]


def planted() -> list[Stimulus]:
    """Return four aligned clips, two of them with a hollow caption, and three conflicts, one of them hollow."""
    captions = {"Applause": "Clapping", "Bird": "Fowl", "Cat": "Pig", "Pig": "Bird"}
    rows = [
        stimulus(f"aligned_{label}_0", "aligned", label, label, CLASSES, caption) for label, caption in captions.items()
    ]
    pairs = [("Applause", "Clapping"), ("Cat", "Pig"), ("Pig", "Fowl")]
    return [*rows, *(stimulus(f"misaligned_{a}_0", "misaligned", a, b, CLASSES) for a, b in pairs)]


def test_the_pairs_are_published_classes_with_a_reason() -> None:
    rules = yaml.safe_load((ROOT / "builder" / "rules" / "mma_bench.yaml").read_text())
    for pair, reason in near_synonyms().items():
        assert len(pair) == 2
        assert pair <= set(rules["classes"])
        assert "AudioSet" in reason
    named = [{"Applause", "Clapping"}, {"Bird", "Fowl"}, {"Glass", "Breaking"}, {"Tools", "Scissors"}]
    assert all(frozenset(pair) in near_synonyms() for pair in named)
    assert are_near_synonyms("clapping", "Applause")
    assert not are_near_synonyms("Applause", "Applause")
    assert not are_near_synonyms("Rain", "Waterfall")
    groups = near_synonym_groups(["Flap", "Fowl", "Bird", "Cat"])
    assert groups["Flap"] == groups["Fowl"] == groups["Bird"] != groups["Cat"]


def test_robust_replaces_hollow_captions_and_leaves_hollow_conflicts_out(tmp_path: Path) -> None:
    stored = mma_bench.load(write(tmp_path / "data", planted()))
    robust = load_protocol("robust")
    asked = apply_protocol(robust, stored)
    assert [row.key for row in asked if row.condition == "misaligned" and row.variant == "standard"] == [
        *["misaligned_Cat_0"] * 2,
        *["misaligned_Pig_0"] * 2,
    ]
    told = {row.key: set[str | None]() for row in asked if row.condition == "misleading_caption"}
    for row in asked:
        assert not (row.distractor and are_near_synonyms(row.distractor, row.answer)), row.question_id
        if row.condition == "misleading_caption":
            told[row.key].add(row.distractor)
            assert row.distractor is not None
            assert row.distractor in row.prompt.partition("Which class")[0]
    assert len(told) == 4
    assert all(len(names) == 1 for names in told.values())  # one caption for both questions and all wordings
    assert told["aligned_Cat_0"] == {"Pig"}  # an honest lie stays
    assert told["aligned_Applause_0"].isdisjoint({"Applause", "Clapping"})
    again = apply_protocol(robust, mma_bench.load(tmp_path / "data"))
    assert [(row.question_id, row.prompt) for row in again] == [(row.question_id, row.prompt) for row in asked]
    assert near_synonyms_of(robust, stored).model_dump() == {"captions_redrawn": 4, "left_out": 2}


def test_paper_keeps_all_lies(tmp_path: Path) -> None:
    stored = mma_bench.load(write(tmp_path / "data", planted()))
    asked = apply_protocol(load_protocol("paper"), stored)
    assert [(row.question_id, row.prompt) for row in asked] == [(row.question_id, row.prompt) for row in stored]


def test_a_caption_without_another_lie_is_left_out(tmp_path: Path) -> None:
    rows = [stimulus("aligned_x_0", "aligned", "Applause", "Applause", ["Applause", "Clapping"], "Clapping")]
    stored = mma_bench.load(write(tmp_path / "data", rows))
    assert {row.condition for row in apply_protocol(load_protocol("robust"), stored)} == {"aligned"}
    assert near_synonyms_of(load_protocol("robust"), stored).left_out == 2


def test_end_to_end_the_summary_and_the_run_say_what_was_done(tmp_path: Path) -> None:
    data = write(tmp_path / "data", planted())
    said = {}
    for protocol in ("robust", "paper"):
        command = (sys.executable, "-m", "mma_bench", "eval", "--data", str(data), "--model", "baseline:visual-only")
        said[protocol] = run_command(*command, "--run", str(tmp_path / protocol), "--protocol", protocol).stdout
    assert (
        "2 questions whose other class is one were left out, 4 misleading captions name another class"
        in (said["robust"])
    )
    assert "near-synonym" not in said["paper"]
    head = json.loads((tmp_path / "robust" / "run.json").read_text())
    assert head["near_synonyms"] == {"captions_redrawn": 4, "left_out": 2}
    scored = run_command(sys.executable, "-m", "mma_bench", "score", str(tmp_path / "robust")).stdout
    assert "2 questions whose other class is one were left out" in scored


def test_a_protocol_recorded_before_the_setting_existed_keeps_its_hash() -> None:
    paper = load_protocol("paper")
    recorded = paper.model_dump(mode="json", exclude={"exclude_near_synonyms", "judge", "layout"})
    assert sha256_json(recorded) == paper.sha256
    assert type(paper).model_validate(recorded).sha256 == paper.sha256
    assert load_protocol("robust").model_copy(update={"exclude_near_synonyms": False}).sha256 != (
        load_protocol("robust").sha256
    )
