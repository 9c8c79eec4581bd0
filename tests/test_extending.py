"""docs/extending.md, executed: what a user adds in a package outside works in every command, and breaks no other."""

import json
from pathlib import Path

import pytest

from builder.manifest_file import read_manifest
from tests.builder.conftest import change_records, recorded
from tests.conftest import ROOT, settings
from tests.extension import Outside, declare, examples, write_extension

CONFIG = """
source: {kind: class-folders, folder: clips}
normalise: {size: 112, seconds: 1, frame_rate: 16}
inspect: {frames_per_second: 8, checks: [very_dark]}
compare: {drop_leaks: false}
stages: [loudest_moment, {name: balanced, settings: {limit: 2}}]
assemble:
  noise_letters: 50
  conditions: [aligned, misaligned, swapped_video, polite_lie]
  graded: {hissing_audio: [-20, 0], spoken_label: [0]}
  voice: beeps
executor: {workers: 1}
"""
STREAMED = """
import mma_bench
from mma_bench.tuning.settings import DataSettings

def keep(key, lender):
    lenders.append(lender)
    return True


for name in ("swapped_video", "polite_lie"):
    lenders = []
    DataSettings(path="data", mix=[{"clips": {"aligned": 1, name: 1}}])
    made = mma_bench.stream(
        "data", config="aligned", output="bytes", conflicts={name: 1.0}, ask="visual", shuffle=0, keep=keep
    )
    for sample in made:
        lent = sample.video_key if name == "swapped_video" else sample.audio_key
        assert lent == lenders.pop(0)
        assert (lent == sample.key) is (sample.question.condition != "swapped_video")
        print(sample.question.condition, sample.question.answer, sample.audio_label, sample.question.prompt[:18])
"""

MINE = """
from mma_bench.models import Model


class Mumbler(Model):
    takes_media = False

    def answer(self, sample):
        return ["The thing over there, as everybody knows, makes it plain." for _ in sample.questions]


class Rule(Mumbler):
    is_baseline = True


class Judge(Mumbler):
    judge_settings = {}

    def answer(self, sample):
        return ["none" for _ in sample.questions]


class Broken(Mumbler):
    def answer(self, sample):
        return [1 / 0 for _ in sample.questions]
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """The extension, with a dataset that its source and its conditions made."""
    made = write_extension(tmp_path_factory.mktemp("outside"))
    (made.work / "build.yaml").write_text(CONFIG)
    made.run("-m", "builder", "run", "--config", "build.yaml", "--work", "work", "--out", "data")
    return made


def test_each_example_is_shorter_than_thirty_lines() -> None:
    modules = {path: text for path, text in examples().items() if path.endswith((".py", ".yaml"))}
    assert len(modules) == 16
    lengths = {path: sum(1 for line in text.splitlines() if line.strip()) for path, text in modules.items()}
    assert max(lengths.values()) < 30, lengths


def test_a_source_and_conditions_from_outside_build_a_dataset(outside: Outside) -> None:
    import pyarrow.parquet as pq

    stimuli = pq.read_table(outside.work / "data" / "metadata" / "stimuli.parquet").to_pylist()
    swapped = [one for one in stimuli if one["condition"] == "swapped_video"]
    assert len(swapped) == 6
    assert all(one["video"]["label"] != one["audio"]["label"] for one in swapped)
    assert {one["audio"]["clip_id"] for one in swapped} == {
        f"{c}_test_{n}_0" for c in ("Bell", "Drum", "Frog") for n in (0, 1)
    }
    asked = [q for one in stimuli for q in one["questions"] if q["condition"] == "polite_lie"]
    assert len(asked) == 12
    assert all(q["prompt"].startswith(f"I believe it is {q['distractor']}.") for q in asked)
    assert "sound" in outside.run("-m", "mma_bench", "verify-data", "data").stdout


def test_a_condition_in_levels_from_outside_is_encoded_and_its_mistakes_are_named(outside: Outside) -> None:
    import numpy as np

    from mma_bench import load
    from mma_bench.dataset.integrity import verify_data

    assert verify_data(outside.work / "data") == []  # here, where the package is not installed
    own = {row.audio_clip_id: row.media.audio() for row in load(outside.work / "data", condition="aligned")}
    rows = load(outside.work / "data", condition="hissing_audio")
    assert sorted({row.level for row in rows}) == [-20, 0]
    assert len(rows) == 24
    for row in rows:
        clip = own[row.audio_clip_id]
        noise = row.media.audio() - clip
        assert 20 * np.log10(noise.std() / np.sqrt((clip**2).mean())) == pytest.approx(row.level, abs=1)
    graded = outside.site / "my_extension" / "graded.py"
    before = graded.read_text()
    command = ("run", "--config", "build.yaml", "--work", "work", "--out", "wrong")
    for wrong, said in (
        (".astype(np.int16)", "hissing_audio must return an int16 array of shape [samples]; for"),
        ("samples.astype(np.float64)", "the condition hissing_audio failed for"),
    ):
        graded.write_text(before.replace(wrong, "" if wrong.startswith(".") else "None"))
        refused = outside.run("-m", "builder", *command, code=2)
        assert said in refused.stderr
    graded.write_text(before)


def test_a_voice_from_outside_says_the_wrong_class(outside: Outside) -> None:
    import numpy as np

    from mma_bench import load

    own = {row.audio_clip_id: row.media.audio() for row in load(outside.work / "data", condition="aligned")}
    rows = load(outside.work / "data", condition="spoken_label")
    assert {row.level for row in rows} == {0}
    for row in rows:
        said = row.media.audio()
        assert row.distractor not in (None, row.answer, row.video_label, row.audio_label)
        assert abs(20 * np.log10(said.std() / own[row.audio_clip_id].std())) < 0.5
        assert np.abs(said - own[row.audio_clip_id]).max() > 0.01
    found = json.loads((outside.work / "data" / "metadata" / "provenance.json").read_text())
    assert found["voice"] == "beeps 1"
    assert "beeps" in outside.run("-m", "builder", "list", "voices").stdout


def test_a_build_names_a_condition_that_sets_the_prompt_without_parts(outside: Outside) -> None:
    file = outside.site / "my_extension" / "condition.py"
    before = file.read_text()
    free = 'question.changed(prompt=f"I believe it is {lie}.", distractor=lie)'
    file.write_text(before.replace('reword(question, before=f"I believe it is {lie}.").changed(distractor=lie)', free))
    command = ("run", "--config", "build.yaml", "--work", "work", "--out", "free")
    lines = outside.run("-m", "builder", *command).stdout.splitlines()
    file.write_text(before)
    (line,) = [line for line in lines if line.startswith("Noticed: ")]
    assert "the condition polite_lie sets the prompt without its parts" in line


def test_the_stream_and_the_tuning_mix_take_conditions_from_outside(outside: Outside) -> None:
    lines = [line.split(" ", 3) for line in outside.run("-c", STREAMED).stdout.splitlines()]
    swapped = [line for line in lines if line[0] == "swapped_video"]
    assert len(swapped) == 6
    assert all(answer != audio for _, answer, audio, _ in swapped)
    assert sum(line[0] == "polite_lie" and line[3].startswith("I believe it is") for line in lines) == 6


def test_tuning_takes_conditions_and_a_term_from_outside(outside: Outside) -> None:
    changes = {
        "data.path": "data",
        "data.mix": "[{clips: {swapped_video: 1, polite_lie: 1}}]",
        "objective": "{terms: {confidence: 0.01}, consistency: {variants: [swapped_video, polite_lie]}}",
        "train.steps": "1",
        "held_out": "null",
        "tracker": "none",
    }
    command = ["tune", "--config", str(ROOT / "mma_bench" / "tuning" / "configs" / "tiny.yaml"), "--out", "tuned"]
    outside.run("-m", "mma_bench", *command, *settings(*(f"{name}={value}" for name, value in changes.items())))
    (line,) = (outside.work / "tuned" / "metrics.jsonl").read_text().splitlines()
    losses = json.loads(line)
    assert losses["loss/confidence"] < 0
    assert losses["loss/consistency"] > 0
    command += settings("objective={terms: {confidenec: 1}}")
    refused = outside.run("-m", "mma_bench", *command, code=2)
    assert "did you mean 'confidence'" in refused.stderr


def test_a_technical_check_from_outside_drops_what_it_says(outside: Outside) -> None:
    check = outside.site / "my_extension" / "check.py"
    before = check.read_text()
    check.write_text(before.replace("brightest < 100", "True"))  # other code: the clips are inspected again
    command = ("run", "--config", "build.yaml", "--work", "work", "--out", "dark")
    refused = outside.run("-m", "builder", *command, code=2)
    check.write_text(before)
    assert "no clip of 6 is left (inspect: very_dark)" in refused.stderr


def test_stages_from_outside_take_their_places_and_process_a_clip_once(outside: Outside) -> None:
    def build(*changes: str) -> None:
        command = ("run", "--config", "build.yaml", "--work", "work", "--out", "balanced", *settings(*changes))
        outside.run("-m", "builder", *command)

    def funnel() -> dict[str, dict[str, int]]:
        found = json.loads(outside.run("-m", "builder", "status", "--work", "work", "--json").stdout)["funnel"]
        return {entry["stage"]: entry["dropped"] for entry in found}

    def looked_at() -> dict[str, str]:
        return recorded(outside.work / "work" / "loudest_moment")

    build()
    assert list(funnel()) == [
        "select", "fetch", "normalise", "inspect", "loudest_moment", "compare", "verify", "balanced", "review",
        "release", "assemble",
    ]  # fmt: skip
    assert len(looked_at()) == 6
    change_records(outside.work / "work" / "loudest_moment", lambda found: found.replace("loudest at", "marked"))
    before = looked_at()
    build("stages=[{name: balanced, after: compare, settings: {limit: 1}}, loudest_moment]")
    assert funnel()["balanced"] == {"over_limit": 3}
    assert list(funnel()).index("balanced") == 6
    assert looked_at() == before  # not processed again, or the mark would be gone
    assert "over_limit" in (outside.work / "balanced" / "metadata" / "funnel.json").read_text()
    module = outside.site / "my_extension" / "clip_stage.py"
    text = module.read_text()
    module.write_text(text.replace("loudest at", "the peak is at"))
    build()
    module.write_text(text)
    notes = {row.notes[:11] for row in read_manifest(outside.work / "work" / "assemble" / "manifest.parquet")}
    assert notes == {"the peak is"}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("[balance]", "unknown stage 'balance'; did you mean 'balanced'?"),
        ("[{name: balanced, after: assemble}]", "stages: balanced cannot come after 'assemble'"),
        ("[balanced, balanced]", "stages: there are two stages called 'balanced'"),
        ("[{name: balanced, settings: {limits: 1}}]", "stages: settings of balanced: limits"),
        ("[{name: loudest_moment, settings: {limit: 1}}]", "stages: loudest_moment takes no settings"),
    ],
)
def test_a_wrong_stage_is_one_line_before_any_work(stages: str, message: str, outside: Outside) -> None:
    command = ("run", "--config", "build.yaml", "--work", "none", "--out", "none", "--dry-run")
    for arguments in (command, command[:-1]):
        line = outside.run("-m", "builder", *arguments, *settings(f"stages={stages}"), code=2).stderr.splitlines()[-1]
        assert message in line
    assert not (outside.work / "none").exists()


def test_a_model_a_wording_a_protocol_and_a_score_reach_the_report(outside: Outside) -> None:
    site = outside.site / "my_extension"
    names = ["one-option", "python:my_extension.model:OneOption", f"python:{site / 'model.py'}:OneOption"]
    for number, name in enumerate(names):
        command = ("eval", "--data", "data", "--model", name, "--model-option", "place=1", "--run", f"run{number}")
        outside.run("-m", "mma_bench", *command, "--protocol", str(site / "protocol.yaml"))
    heads = [json.loads((outside.work / f"run{number}" / "run.json").read_text()) for number in range(3)]
    assert [head["model"] for head in heads] == [*names[:2], "python:model.py:OneOption"]
    assert all(head["model_fingerprint"]["setting place"] == "1" for head in heads)
    command = ("eval", "--data", "data", "--model", "one-option+polite", "--run", "polite", "--condition", "aligned")
    outside.run("-m", "mma_bench", *command, "--protocol", "paper")
    polite = json.loads((outside.work / "polite" / "run.json").read_text())
    assert (polite["model"], polite["model_fingerprint"]["wrapper polite"]) == ("one-option+polite", "version 1")
    answers = (outside.work / "run0" / "answers.jsonl").read_text()
    assert "/shouted" in answers
    scores = json.loads((outside.work / "run0" / "scores.json").read_text())
    (aligned,) = [row for row in scores["analysis"]["audio_names"] if row["condition"] == "aligned"]
    assert aligned["named"]["value"] == pytest.approx(1 / 3, abs=1e-6)
    outside.run("-m", "mma_bench", "report", "run0", "run1", "--out", "report")
    title = "Answers that name the class of the audio"
    for file in ("index.html", "tables.md", "report.json", "tables/audio_names.json"):
        text = (outside.work / "report" / file).read_text()
        assert "audio_names" in text or title in text, file
    assert "one-option: aligned" in (outside.work / "report" / "tables" / "audio_names.csv").read_text()
    assert "names audio" in (outside.work / "report" / "tables" / "audio_names.tex").read_text()
    page = (outside.work / "report" / "index.html").read_text()
    assert page.index('id="conditions"') < page.index('id="audio_names"') < page.index('id="scores"')
    assert "Who names the audio?" in page
    assert (outside.work / "report" / "figures" / "audio_names.pdf").read_bytes().startswith(b"%PDF")
    score = site / "score.py"
    before = score.read_text()
    score.write_text(before.replace("bars_height(bars)", "'tall'"))  # found when it is drawn
    torn = outside.run("-m", "mma_bench", "report", "run0", "--out", "torn")
    score.write_text(before)
    (line,) = [line for line in torn.stderr.splitlines() if "audio_names" in line]
    assert "the figure of the analysis 'audio_names' of my-extension failed and is left out: TypeError" in line
    assert (outside.work / "torn" / "tables" / "audio_names.tex").is_file()
    assert not (outside.work / "torn" / "figures" / "audio_names.pdf").exists()


def test_attributes_of_a_class_decide_what_commands_do_with_it(outside: Outside) -> None:
    (outside.work / "mine.py").write_text(MINE)
    run = ("eval", "--data", "data", "--protocol", "paper", "--limit", "1")
    outside.run("-m", "mma_bench", *run, "--model", "python:mine.py:Rule", "--run", "rule")
    assert json.loads((outside.work / "rule" / "run.json").read_text())["baseline"] is True
    judge = ("--judge", "python:mine.py:Judge")
    outside.run("-m", "mma_bench", *run, "--model", "python:mine.py:Mumbler", "--run", "judged", *judge)
    verdicts = (outside.work / "judged" / "judge.json").read_text()
    assert "python:mine.py:Judge" in verdicts
    outside.run("-m", "mma_bench", "report", "rule", "--out", "rules")
    rows = json.loads((outside.work / "rules" / "tables" / "accuracy_micro.json").read_text())["rows"]
    assert {row["name"]: row["kind"] for row in rows}["python:mine.py:Rule"] == "baseline"
    refused = outside.run(
        "-m", "mma_bench", *run, "--model", "cascade", "--run", "no", "--judge", "python:mine.py:Rule", code=2
    )
    assert "a judge is a server" in refused.stderr
    broken = outside.run("-m", "mma_bench", *run, "--model", "python:mine.py:Broken", "--run", "broken", code=2)
    assert "failed: ZeroDivisionError: division by zero (mine.py:25)" in broken.stderr
    assert "Traceback" not in broken.stderr


def test_an_export_format_and_the_lists_name_what_the_package_brings(outside: Outside) -> None:
    outside.run(
        "-m", "mma_bench", "export", "--data", "data", "--format", "pairs", "--variant", "shouted", "--out", "pairs"
    )
    first = json.loads((outside.work / "pairs" / "mma_bench.jsonl").read_text().splitlines()[0])
    assert first["prompt"].isupper()
    brought = {
        "models": {"one-option"},
        "wrappers": {"polite"},
        "conditions": {"swapped_video", "polite_lie", "hissing_audio"},
        "variants": {"shouted"},
        "analyses": {"audio_names"},
        "formats": {"pairs"},
        "sources": {"class-folders"},
        "checks": {"very_dark"},
        "stages": {"loudest_moment", "balanced"},
        "terms": {"confidence"},
        "families": {"MyVisionModel"},
    }
    for kind, names in brought.items():
        listed = json.loads(outside.run("-m", "builder", "list", kind, "--json").stdout)["entries"]
        assert {one["name"] for one in listed if one["origin"] == "my-extension"} == names
        assert all(one["help"] for one in listed), kind


def test_a_broken_package_is_one_line_and_breaks_no_other(outside: Outside, tmp_path: Path) -> None:
    (tmp_path / "torn.py").write_text("raise RuntimeError('half\\nwritten')\n")
    declare(tmp_path, "torn-package", {
        "mma_bench.models": {"torn": "torn:Model", "cascade": "torn:Model", "one-option": "torn:Model"},
        "mma_bench.conditions": {"torn_condition": "torn:condition"},
        "mma_bench.analyses": {"torn_score": "torn:score"},
    })  # fmt: skip
    both = Outside(Path(f"{outside.site}:{tmp_path}"), outside.work)
    said = {
        "torn": "'torn' of the package torn-package (torn:Model) cannot be loaded: RuntimeError: half written",
        "cascade": "the model 'cascade' is built in and brought by torn-package; rename the entry point of one of them",
        "one-option": "the model 'one-option' is brought by my-extension and torn-package",
        "one-optoin": "did you mean 'one-option'?",
    }
    for name, message in said.items():
        (line,) = both.run("-m", "mma_bench", "probe", "--model", name, code=2).stderr.splitlines()
        assert message in line
    run = ("eval", "--data", "data", "--model", "baseline:random", "--limit", "1", "--run", str(tmp_path / "run"))
    result = both.run("-m", "mma_bench", *run)
    assert sum("torn_score" in line for line in result.stderr.splitlines()) == 1
    assert "audio_names" in (tmp_path / "run" / "scores.json").read_text()
    assert "Traceback" not in result.stderr
