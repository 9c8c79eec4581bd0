"""Protocols: what is asked is fixed by a hash, and what a model did otherwise is said."""

import csv
import json
import sys
from pathlib import Path

import pytest
import yaml

import mma_bench
from mma_bench.evaluation import load_protocol, open_run, published_results, rescore
from mma_bench.evaluation.protocols import apply_protocol, deviations, model_options
from mma_bench.evaluation.protocols.protocol import Protocol
from mma_bench.evaluation.published import official_set
from mma_bench.models.interface import Answer, Model
from mma_bench.report.browser import browser_data
from mma_bench.report.runs import read_runs
from mma_bench.report.write import write_report
from mma_bench.schema import PAPER_CONDITIONS, Modality
from tests.conftest import ROOT, run_command

FOLDER = Path(mma_bench.__file__).parent / "evaluation" / "protocols"


def changed(tmp_path: Path, **changes: object) -> Path:
    """Return the file of `robust` with other values."""
    content = yaml.safe_load((FOLDER / "robust.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**content, **changes}))
    return path


def test_paper_asks_exactly_the_stored_standard_questions_of_its_six_conditions(demo: Path) -> None:
    stored = mma_bench.load(demo)
    asked = apply_protocol(load_protocol("paper"), stored)
    expected = [row for row in stored if row.condition in PAPER_CONDITIONS and row.variant == "standard"]
    assert [(row.question_id, row.prompt, row.options) for row in asked] == [
        (row.question_id, row.prompt, row.options) for row in expected
    ]
    assert {row.condition for row in asked} == set(PAPER_CONDITIONS)


def test_robust_adds_wordings_and_the_hash_follows_every_value(demo: Path, tmp_path: Path) -> None:
    robust = load_protocol("robust")
    asked = list(apply_protocol(robust, mma_bench.load(demo, limit=2)))
    assert {row.variant for row in asked} == {rule.name for rule in robust.variants}
    assert {row.condition for row in asked if row.variant == "none_absent"} == {"aligned", "misaligned"}
    assert len({row.question_id for row in asked}) == len(asked)
    hashes = {robust.sha256, load_protocol("paper").sha256}
    content = yaml.safe_load((FOLDER / "robust.yaml").read_text())
    others = {"version": 4, "seed": 1, "average": "micro", "frames_per_second": 1, "parser_version": "0"}
    for name, value in others.items():
        hashes.add(load_protocol(changed(tmp_path, **{name: value})).sha256)
    wording = {**content["wording"], "suffix": "Answer with one word."}
    hashes.add(load_protocol(changed(tmp_path, wording=wording)).sha256)
    assert len(hashes) == 8
    reordered = tmp_path / "reordered.yaml"
    reordered.write_text(yaml.safe_dump(dict(reversed(content.items()))))
    assert load_protocol(reordered).sha256 == robust.sha256


def test_other_words_reach_every_prompt_and_leave_caption_and_noise_as_they_are(demo: Path, tmp_path: Path) -> None:
    wording = {
        "question": "{options} What is the {modality} class? {suffix}",
        "options": "Choose from [{options}].",
        "suffix": "One name.",
        "caption": "Somebody wrote: {caption}!",
        "caption_suffix": "Briefly.",
    }
    protocol = load_protocol(changed(tmp_path, wording=wording, variants=[{"name": "standard"}], headline=["standard"]))
    stored = mma_bench.load(demo, limit=1)
    for before, after in zip(stored, apply_protocol(protocol, stored), strict=True):
        end = "Briefly." if before.condition == "misleading_caption" else "One name."
        body = f"Choose from [{', '.join(before.options)}]. What is the {before.modality} class? {end}"
        start = f"Somebody wrote: {before.distractor}! " if before.condition == "misleading_caption" else ""
        noise = before.prompt.partition("single class name.")[2] if before.condition == "long_context" else ""
        assert after.prompt == f"{start}{body}{noise}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conditions": ["aligend"]}, "there is no 'aligend'"),
        ({"variants": [{"name": "standart"}]}, "there is no variant 'standart'"),
        ({"headline": ["hard_options"]}, "hard_options is not among the variants"),
        ({"content_order": ["question", "video", "audio"]}, "content_order"),
        ({"wording": {"question": "{0.__class__}"}}, "wording.question: needs each of"),
        ({"audio_rate": 48000}, "audio_rate"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_protocol_is_one_clear_message(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(mma_bench.MMABenchError, match="compare it with robust") as error:
        load_protocol(changed(tmp_path, **changes))
    assert message in str(error.value)


def test_settings_are_handed_to_models_that_take_them_and_other_ones_are_named() -> None:
    protocol: Protocol = load_protocol("robust")
    assert model_options(protocol, "transformers:x", {}) == {"fps": "2"}
    assert model_options(protocol, "transformers:x", {"fps": "1"}) == {"fps": "1"}
    assert model_options(protocol, "openai:x@http://y", {"media": "frames"})["temperature"] == "0"
    assert model_options(protocol, "cascade", {}) == {}
    assert deviations(protocol, {"setting fps": "2.0", "decoding": "greedy"}) == []
    (frames,) = deviations(protocol, {"setting fps": "1.0", "decoding": "greedy"})
    assert "1.0 frames per second; the protocol says 2" in frames
    hidden, sampled = deviations(protocol, {"setting temperature": "0.7"})
    assert "not recorded" in hidden
    assert "sampling at temperature 0.7" in sampled


def test_seed_headline_decoding_and_parser_of_a_protocol_are_used(demo: Path, tmp_path: Path) -> None:
    stored = mma_bench.load(demo, condition="aligned", limit=1)
    protocols = [load_protocol(changed(tmp_path, seed=seed)) for seed in (0, 1)]
    orders = [
        {tuple(row.options) for row in apply_protocol(protocol, stored) if row.variant == "shuffled_options_1"}
        for protocol in protocols
    ]
    assert [len(found) for found in orders] == [1, 1]  # one order for both questions about a stimulus
    assert orders[0] != orders[1]
    mma_bench.evaluate("baseline:visual-only", demo, run=tmp_path / "run", condition="aligned", limit=1, progress=False)
    scores = rescore(tmp_path / "run").scores
    assert list(scores.variants) == load_protocol("robust").headline
    assert {cell.questions for cell in scores.cells} == {3}
    sampling = load_protocol(changed(tmp_path, decoding="sampling", parser_version="0"))
    assert "temperature" not in model_options(sampling, "openai:x", {})
    notes = deviations(sampling, {"setting temperature": "0"})
    assert [note for note in notes if "decoding was greedy; the protocol says sampling" in note]
    assert [note for note in notes if "the protocol was fixed with 0" in note]
    judged = changed(tmp_path, judge="me")
    with pytest.raises(mma_bench.MMABenchError, match="names a judge"):
        load_protocol(judged)


class Dice(Model):
    """Follows the video in 7 of 10 conflicts, by a draw of its own for each repeat."""

    name = "dice"
    takes_media = False
    draws = True

    def __init__(self) -> None:
        self.repeat = 0

    def begin_repeat(self, repeat: int) -> None:
        self.repeat = repeat

    def fingerprint(self) -> dict[str, str]:
        return {"setting fps": "1.0", "setting temperature": "0.7"}

    def answer(self, sample: mma_bench.dataset.load.Sample) -> list[Answer]:
        import random

        chance = random.Random(f"{sample.stimulus.key}/{self.repeat}").random()
        said = sample.stimulus.video.label if chance < 0.7 else sample.stimulus.audio.label
        return [Answer(question.question_id, f"It is a {said}.") for question in sample.questions]


def test_end_to_end_a_sampling_model_is_repeated_rescored_compared_and_its_settings_named(
    demo: Path, tmp_path: Path
) -> None:
    run, other = tmp_path / "dice", tmp_path / "visual-only"
    options = {"condition": ["misaligned", "audio_removed"], "protocol": "paper", "progress": False}
    scores = mma_bench.evaluate(Dice(), demo, run=run, repeats=5, **options)
    both = next(row for row in scores.analysis.reliance if row.modality is None and row.condition == "misaligned")
    assert both.visual.low < 0.7 < both.visual.high
    assert both.visual.high - both.visual.low < 0.3
    assert both.answers == 5 * 2 * both.visual.clips
    lines = (run / "answers.jsonl").read_text().splitlines()
    assert {json.loads(line)["repeat"] for line in lines} == set(range(5))
    head = open_run(run)
    assert head.protocol_sha256 == load_protocol("paper").sha256
    shown = browser_data(read_runs([run], None)[1], [])
    assert {model["repeats"] for model in shown["models"]} == {5}
    assert {tuple(said[5] for said in question[8]) for question in shown["questions"]} == {(0, 1, 2, 3, 4)}
    again = rescore(run)
    assert again.scores.to_json() == json.loads((run / "scores.json").read_text())
    assert [note for note in again.notes if "1.0 frames per second" in note]
    with pytest.raises(mma_bench.MMABenchError, match="by the protocol paper 3"):
        mma_bench.evaluate(Dice(), demo, run=run, repeats=5, **{**options, "protocol": "robust"})
    with pytest.raises(mma_bench.MMABenchError, match="same answer every time"):
        mma_bench.evaluate("baseline:random", demo, run=other, repeats=2, **options)
    mma_bench.evaluate("baseline:visual-only", demo, run=other, **options)
    command = (sys.executable, "-m", "mma_bench", "compare", str(other), str(run), "--out", str(tmp_path / "compared"))
    said = run_command(*command).stdout
    assert "1.0 frames per second; the protocol says 2" in said
    compared = json.loads((tmp_path / "compared" / "comparison.json").read_text())
    visual, audio = (
        next(d for d in compared["differences"] if (d["condition"], d["modality"]) == ("misaligned", modality))
        for modality in Modality
    )
    assert (visual["first"]["value"], visual["gained"], audio["lost"]) == (1, 0, 0)
    assert visual["lost"] == audio["gained"] == sum(f["condition"] == "misaligned" for f in compared["flips"]) / 2
    flips = (tmp_path / "compared" / "flips.csv").read_text().splitlines()
    assert len(flips) == 1 + len(compared["flips"])
    head_json = json.loads((run / "run.json").read_text())
    head_json["protocol"]["frames_per_second"] = 1
    (run / "run.json").write_text(json.dumps(head_json))
    with pytest.raises(mma_bench.MMABenchError, match="the protocol was changed after the run"):
        rescore(run)


def test_eval_compare_report_and_leaderboard_show_one_number(demo: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "runs" / "dice", tmp_path / "runs" / "visual-only"
    for run, model in ((first, "baseline:random"), (second, "baseline:visual-only")):
        mma_bench.evaluate(model, demo, run=run, condition=["misaligned", "audio_removed"], progress=False)
    kept = json.loads((first / "scores.json").read_text())
    assert kept["average"] == "macro"
    cells = {(cell["condition"], cell["modality"]): cell for cell in kept["cells"]}
    compared = mma_bench.evaluation.compare(first, second)
    for row in compared.differences:
        cell = cells[row.condition, row.modality]
        assert row.pairs == cell["questions"]
        shown = (row.first.value, row.first.low, row.first.high)
        assert shown == pytest.approx((cell["macro_accuracy"], cell["macro_low"], cell["macro_high"]), abs=1e-6)
    assert {flip.headline for flip in compared.flips} == {True, False}
    write_report([first, second], tmp_path / "report")
    run_command(sys.executable, "-m", "mma_bench", "leaderboard", str(first.parent), "--out", str(tmp_path / "board"))
    tables = [json.loads((tmp_path / "report" / "tables" / "accuracy_macro.json").read_text())]
    tables += [json.loads(path.read_text()) for path in (tmp_path / "board").rglob("leaderboard_*.json")]
    assert len(tables) == 2
    for table in tables:
        (line,) = [row["entries"] for row in table["rows"] if row["name"] == "baseline:random"]
        found = {
            key: entry["value"]
            for column, entry in zip(table["columns"], line, strict=True)
            if (key := (column["group"].replace(" ", "_"), column["head"])) in cells
        }
        assert found == pytest.approx({key: cell["macro_accuracy"] for key, cell in cells.items()}, abs=1e-6)


def test_published_results_are_typed_and_carry_their_caveats() -> None:
    results = published_results()
    (suspect,) = [
        r
        for r in results
        if (r.model, r.condition, r.modality) == ("Qwen3-Omni-30B-Instruct", "long_context", Modality.AUDIO)
    ]
    assert suspect.percent == 15.2
    assert any("suspect" in caveat for caveat in suspect.caveats)
    tuned = [r.percent for r in results if r.model.endswith("tuned on MMA-Bench") and r.measure == "abstention"]
    assert tuned == [90.27, 0.0]
    assert sum(r.measure == "avhbench accuracy" for r in results) == 10


def test_published_results_keep_their_decimals_their_provenance_and_both_numbers_where_there_are_two() -> None:
    by_key = {(r.model, r.condition, r.modality): r for r in published_results() if r.measure == "accuracy"}
    assert by_key["PandaGPT-13B", "aligned", Modality.VISUAL].text == "28.75"
    assert by_key["Gemini-2.5-Pro", "aligned", Modality.VISUAL].text == "97.90"
    assert by_key["Gemini-2.5-Pro", "audio_removed", Modality.VISUAL].text == "97.2"
    assert by_key["Gemini-2.5-Pro", "aligned", Modality.VISUAL].provenance == "table"
    assert by_key["Gemini-2.5-Pro", "audio_removed", Modality.VISUAL].provenance == "figure"
    doubtful = by_key["Qwen3-Omni-30B-Instruct", "misaligned", Modality.VISUAL]
    assert doubtful.text == "83.73"
    assert doubtful.also == "76.68 in the README of the authors' repository"


def test_other_clips_and_options_than_the_published_ones_are_named() -> None:
    with open(ROOT / "builder/rules/official_clips.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    clips = [f"{row['youtube_id']}_{round(float(row['start_seconds']) * 1000)}" for row in rows]
    official = official_set()
    assert [part.split(" (")[0] for part in official.differences(clips, ["Cat"])] == ["other options"]
    assert official.differences(clips[1:], ["Cat"])[0] == "other clips (657, where the published numbers have 658)"
