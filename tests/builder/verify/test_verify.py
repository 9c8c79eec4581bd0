"""The `verify` stage on real clips with the cascade: what passes, what is kept, and what is asked again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builder.manifest import ManifestRow
from builder.manifest_file import read_manifest
from builder.verify.verifier import public_name
from builder.verify.wording import wording
from mma_bench.dataset.layout import BUILD_MARK
from mma_bench.dataset.load import Sample
from mma_bench.files.text import one_line
from mma_bench.models import Answer, Check, Model, load
from mma_bench.parsing import read_yes_no
from mma_bench.schema import Modality
from tests.builder.conftest import CLIPS, LIAR, PASS_ALL, Build, change_records, recorded
from tests.conftest import ROOT, run_builder, tree

NAMES = ["visual_muted", "audio_black", "visual_full", "audio_full"]


def row_of(build: Build, file: str) -> ManifestRow:
    return next(row for row in read_manifest(build.work / "verify" / "manifest.parquet") if row.file == file)


_SAID = re.compile(r'"text": "([^"]*)"')


def mark(found: str) -> str:
    """Put a full stop behind what the model said: an answer that has it was not asked for again."""
    return _SAID.sub(r'"text": "\1."', found)


def marked(build: Build) -> list[str]:
    rows = read_manifest(build.work / "verify" / "manifest.parquet")
    return [row.clip_id for row in rows if row.checks[0].text.endswith(".")]


def test_a_true_clip_is_accepted_and_a_false_label_names_the_checks_that_it_failed(verified: Build) -> None:
    true = row_of(verified, "canidae_aligned.mp4")
    assert true.kept
    assert [(check.check, check.said, check.passed) for check in true.checks] == [(n, "yes", True) for n in NAMES]
    assert all(check.yes_probability is not None and check.yes_probability > 0.5 for check in true.checks)
    liar = row_of(verified, LIAR)
    assert (liar.dropped_by, liar.reason) == ("verify", "check_failed_audio_black")
    assert [check.passed for check in liar.checks] == [True, False, True, False]
    assert liar.detail is not None
    assert 'audio_black "No", yes 0.' in liar.detail
    assert "visual" not in liar.detail


def test_clips_card_and_provenance_say_who_verified(verified: Build) -> None:
    clips = pq.read_table(verified.out / "metadata" / "clips.parquet").to_pylist()
    assert clips
    assert {clip["verified_by"] for clip in clips} == {"cascade"}
    assert f"`cascade`: {len(clips)} clips" in (verified.out / "README.md").read_text()
    provenance = json.loads((verified.out / "metadata" / "provenance.json").read_text())
    assert provenance["config"]["verify"]["model"] == "cascade"
    assert len(provenance["inputs_sha256"]["verifier"]) == 64
    funnel = {entry["stage"]: entry for entry in json.loads((verified.out / "metadata" / "funnel.json").read_text())}
    assert funnel["verify"]["dropped"]["check_failed_audio_black"] >= 1


def test_thresholds_change_without_asking_the_model_again(verified: Build, tmp_path: Path) -> None:
    build = verified.copy(tmp_path)
    change_records(build.work / "verify", mark)
    run_builder(*build.arguments(*PASS_ALL))
    assert all(row.kept for row in read_manifest(build.work / "verify" / "manifest.parquet"))
    assert len(marked(build)) == CLIPS
    probability = row_of(build, "canidae_aligned.mp4").checks[0].yes_probability
    assert probability is not None
    run_builder(*build.arguments(f"verify.min_yes_probability.visual_muted={probability + 0.001}"), check=False)
    assert row_of(build, "canidae_aligned.mp4").reason == "check_failed_visual_muted"
    assert len(marked(build)) == CLIPS


def test_a_killed_stage_asks_only_what_is_missing_and_ends_in_the_same_bytes(verified: Build, tmp_path: Path) -> None:
    build = verified.copy(tmp_path)
    # As if the run had been stopped before: forget four answers and the stage's end.
    stage = build.work / "verify"
    left = iter(range(7))
    change_records(stage, lambda found: mark(found) if next(left, None) is not None else None)
    for name in ("finished.json", "manifest.parquet"):
        (stage / name).unlink()
    command = [sys.executable, "-m", "builder", *build.arguments()]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len(recorded(stage)) < 8 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 8 <= len(recorded(stage)) < CLIPS
    assert not (stage / "manifest.parquet").exists()
    run_builder(*build.arguments())
    assert len(recorded(stage)) == CLIPS
    assert len(marked(build)) == 7
    assert published(build.out) == published(verified.out)


def published(out: Path) -> dict[str, str]:
    return {name: content for name, content in tree(out).items() if name != BUILD_MARK}


def test_a_model_that_says_neither_yes_nor_no_verifies_nothing(verified: Build, tmp_path: Path) -> None:
    build = verified.copy(tmp_path)
    result = run_builder(*build.arguments("verify.model=baseline:visual-only"), check=False)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"error: no clip of {CLIPS} is left (verify: check_unparsed_")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("verify.model=no-such", "unknown model 'no-such'"),
        ("verify.min_yes_probability.sound=0.5", "verify.min_yes_probability.sound"),
    ],
)
def test_a_wrong_setting_is_one_line_before_any_work(
    change: str, message: str, verified: Build, tmp_path: Path
) -> None:
    build = Build(verified.config, tmp_path / "work", tmp_path / "out")
    result = run_builder(*build.arguments(change), check=False)
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]
    assert not (tmp_path / "work" / "fetch").exists()


class Knowing(Model):
    """Says no to the sound and yes to the picture, with log-probabilities, as a local model does."""

    name = "knowing"

    def fingerprint(self) -> dict[str, str]:
        return {}

    def answer(self, sample: Sample) -> list[Answer]:
        scores = {Modality.VISUAL: {"Yes": -0.25, "No": -1.5}, Modality.AUDIO: {"Yes": -2000.0, "No": -1.0}}
        assert all(question.options == ["Yes", "No"] for question in sample.questions)
        said = [scores[question.modality] for question in sample.questions]
        return [
            Answer(question.question_id, max(options, key=lambda word: options[word]), options)
            for question, options in zip(sample.questions, said, strict=True)
        ]


def test_any_model_answers_checks_through_its_questions(verified: Build) -> None:
    import mma_bench

    sample = mma_bench.load(verified.out, condition="aligned").samples[0]
    checks = [Check(m.value, m, "Cat", wording().prompt(m, "Cat")) for m in (Modality.AUDIO, Modality.VISUAL)]
    audio, visual = Knowing().check(sample, checks)
    assert (audio.name, audio.text, audio.yes_probability) == ("audio", "No", 0.0)
    assert (visual.name, visual.text) == ("visual", "Yes")
    assert visual.yes_probability == pytest.approx(1 / (1 + 2.718281828 ** (-1.25)))
    assert load("baseline:random").check(sample, checks)[0].yes_probability is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes", "yes"),
        ("**No.**", "no"),
        ("Yes, a dog barks.", "yes"),
        ("Answer: no", "no"),
        ("<think>Not a cat, no.</think>\nYes", "yes"),
        ("no, I see it </think> Yes.", "yes"),
        ("Ｙｅｓ<|im_end|>", "yes"),
        ("<think>Yes", "unparsed"),
        ("Yes or No", "unparsed"),
        ("Yes/No", "unparsed"),
        ("Yes. No, wait.", "unparsed"),
        ("No idea", "unparsed"),
        ("No-one", "unparsed"),
        ("I think yes", "unparsed"),
        ("Cat", "unparsed"),
        ("", "unparsed"),
    ],
)
def test_only_a_plain_yes_is_yes(text: str, said: str) -> None:
    assert read_yes_no(text) == said


def test_names_and_words_are_fit_to_be_shown() -> None:
    assert one_line("a\x1b[31m\u202e\n\tb" + "c" * 100, 60, hidden=" ") == "a [31m b" + "c" * 51 + "…"
    assert public_name("openai:qwen@http://gpu.internal:8000/v1") == "openai:qwen"
    assert public_name("transformers:/home/ada/qwen") == "transformers:qwen"
    assert wording().readable("Frying_food") == "frying food"
    assert wording().readable("Canidae") == "a dog, wolf or fox"
