"""Shortcuts in the data: models that are not given a modality, their table in the report and on the card."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from builder.cli import main
from mma_bench import MMABenchError, evaluate, load, models
from mma_bench.cli import main as mma_main
from mma_bench.dataset.integrity import verify_data
from mma_bench.dataset.load import Sample
from mma_bench.evaluation.rescoring import rescore
from mma_bench.evaluation.shortcuts import shortcuts_of
from mma_bench.evaluation.store import open_run
from mma_bench.models import Check, Model
from mma_bench.models.wrappers import Blind, Deaf, TextOnly
from mma_bench.probe import Finding, Probe, Verdict, require_reach
from mma_bench.report import write_report
from mma_bench.schema import Modality
from tests.conftest import tree
from tests.models.endpoint_server import EndpointServer


class Knows(Model):
    """Knows each stream of the data by its hash, answers any question from the audio, or else from the video."""

    name = "knows"

    def __init__(self, data: Path) -> None:
        self._data = data
        self._class_of: dict[str, str] = {}

    def fingerprint(self) -> dict[str, str]:
        """Return the name."""
        return {"model": self.name}

    def answer(self, sample: Sample) -> Sequence[str]:
        """Name the class of the sound, or of the picture, or none."""
        if not self._class_of:
            for known in load(self._data).samples:
                for stream in (known.stimulus.video, known.stimulus.audio):
                    if stream.label:
                        self._class_of[stream.sha256] = stream.label
        given = [sample.stimulus.audio.sha256, sample.stimulus.video.sha256]
        assert sample.media.audio_bytes[:4] == b"fLaC"
        said = next((self._class_of[one] for one in given if one in self._class_of), "I cannot tell.")
        return [said] * len(sample.questions)


@pytest.fixture(scope="module")
def runs(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    for kind in (Blind, Deaf, TextOnly):
        found[kind.suffix] = folder / kind.suffix
        evaluate(
            kind(Knows(demo)), demo, run=found[kind.suffix], condition=["aligned", "misaligned"], protocol="paper",
            probe=False, progress=False,
        )  # fmt: skip
    return found


def test_what_follows_from_the_other_modality_is_a_shortcut(runs: dict[str, Path]) -> None:
    rows = {
        name: {
            (one.condition, one.modality): one
            for one in shortcuts_of(rescore(run).scores, open_run(run).withheld or ())
        }
        for name, run in runs.items()
    }
    assert open_run(runs["textonly"]).withheld == [Modality.VISUAL, Modality.AUDIO]
    blind, deaf, text = (rows[name] for name in ("blind", "deaf", "textonly"))
    assert set(blind) == {(c, Modality.VISUAL) for c in (None, "aligned", "misaligned")}
    assert set(deaf) == {(c, Modality.AUDIO) for c in (None, "aligned", "misaligned")}
    for one in (blind["aligned", Modality.VISUAL], deaf["aligned", Modality.AUDIO]):
        assert one.right.value == 1
        assert one.above_chance
        assert 0 < one.chance < 1
    for one in (blind["misaligned", Modality.VISUAL], deaf["misaligned", Modality.AUDIO]):
        assert one.right.value == 0
        assert not one.above_chance
    both = blind[None, Modality.VISUAL]
    parts = [blind[name, Modality.VISUAL] for name in ("aligned", "misaligned")]
    assert both.questions == sum(part.questions for part in parts)
    assert both.right.value == pytest.approx(parts[0].questions / both.questions)
    assert text[None, None].right.value == 0
    assert text[None, None].questions == both.questions + deaf[None, Modality.AUDIO].questions


def test_the_report_shows_them_and_says_what_was_withheld(demo: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    page = write_report([*runs.values()], tmp_path / "report", examples=0).read_text()
    assert 'id="table-shortcuts"' in page
    assert "knows+blind: the model gets no visual input" in page
    said = json.loads((tmp_path / "report" / "report.json").read_text())["answer"]
    assert said[-1] == "No model was given both video and audio, so no sentence compares models."
    accuracy = (tmp_path / "report" / "tables" / "accuracy_micro.json").read_text()
    assert '"best": true' not in accuracy, "a model that was not given everything is not the best one"
    table = json.loads((tmp_path / "report" / "tables" / "shortcuts.json").read_text())
    found = {row["name"]: row["entries"] for row in table["rows"]}
    count, right, chance = found["knows+blind: aligned, visual"]
    assert (right["value"], right["marks"]) == (1, "*")
    assert right["low"] > chance["value"] > 0
    assert count == sum(question.modality is Modality.VISUAL for question in load(demo, condition="aligned"))
    assert "knows+blind: aligned, audio" not in found, "what it was given is no shortcut"
    assert [*(tmp_path / "report" / "hub").glob("*/model_card.md")]
    assert not [*(tmp_path / "report" / "hub").rglob("mma-bench.yaml")], "a leaderboard shows no note"


def test_the_card_shows_them_and_nothing_else_of_the_dataset_changes(
    demo: Path, runs: dict[str, Path], tmp_path: Path
) -> None:
    data = tmp_path / "mma-bench"
    shutil.copytree(demo, data, copy_function=os.link)
    before, hashes = tree(data), tree(demo)
    command = ["shortcuts", "--data", str(data)]
    result = CliRunner().invoke(main, [*command, str(runs["blind"]), str(runs["textonly"])])
    assert result.exit_code == 0, result.output
    assert "knows+blind, aligned, visual: 100.0% right" in result.output
    after = tree(data)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {"README.md", "metadata/shortcuts.json", "SHA256SUMS", ".complete.json"}
    assert tree(demo) == hashes
    assert verify_data(data) == []
    card = (data / "README.md").read_text()
    assert r"| knows+blind | visual | aligned, visual |" in card
    assert r"| 100.0\* |" in card
    assert "| knows+textonly | visual and audio | all |" in card
    assert not rescore(runs["blind"], data).scores.missing, "runs about the dataset stay valid"
    CliRunner().invoke(main, [*command, str(runs["deaf"])])
    assert "knows+blind" not in (data / "README.md").read_text()
    clip = next(iter(load(data, condition="aligned"))).video_clip_id or ""
    CliRunner().invoke(main, ["remove", clip, "--data", str(data)])
    assert not (data / "metadata" / "shortcuts.json").exists(), "they were about other questions"
    assert "## Shortcuts" not in (data / "README.md").read_text()
    assert verify_data(data) == []


def test_a_run_that_says_nothing_about_shortcuts_is_refused(demo: Path, runs: dict[str, Path], tmp_path: Path) -> None:
    data = tmp_path / "mma-bench"
    shutil.copytree(demo, data, copy_function=os.link)
    full, part = tmp_path / "full", tmp_path / "part"
    evaluate("baseline:random", demo, run=full, limit=1, progress=False)
    shutil.copytree(runs["blind"], part)
    answers = part / "answers.jsonl"
    answers.write_bytes(b"".join(answers.read_bytes().splitlines(keepends=True)[:-1]))
    person, wrapped, copy = (tmp_path / name for name in ("person", "wrapped", "copy"))
    shutil.copytree(runs["deaf"], copy)
    whole = Knows(demo)
    for whole.name, run in (("people:Ada", person), ("knows+solo", wrapped)):
        evaluate(whole, demo, run=run, limit=1, protocol="paper", probe=False, progress=False)
    before = tree(data)
    for run, message in (
        (full, "was given video and audio, so its answers say nothing about shortcuts; evaluate baseline:random+blind"),
        (person, "evaluate a model with +blind, +deaf or +textonly"),
        (wrapped, "evaluate a model with +blind, +deaf or +textonly"),
        (part, "1 questions have no answer"),
        (runs["deaf"], "is given twice"),
        (runs["deaf"].parent / "." / "blind" / ".." / "deaf", "is given twice"),
        (copy, "are the same run of knows+deaf"),
    ):
        result = CliRunner().invoke(main, ["shortcuts", "--data", str(data), str(runs["deaf"]), str(run)])
        assert result.exit_code == 2
        assert message in result.output
    assert tree(data) == before
    (data / "metadata" / "shortcuts.json").write_text('[{"model": 1}]')
    result = CliRunner().invoke(main, ["shortcuts", "--data", str(data), str(runs["deaf"])])
    assert (result.exit_code, "is not a dataset of this builder" in result.output) == (2, True)


def test_withheld_streams_are_those_of_the_conditions_and_checks_are_asked_too(demo: Path) -> None:
    sample = load(demo, condition="aligned").samples[0]
    removed = {
        name: next(s for s in load(demo, condition=name).samples if s.stimulus.key.endswith(sample.stimulus.key[8:]))
        for name in ("frames_zeroed", "audio_removed")
    }
    given: list[Sample] = []

    class Notes(Model):
        name = "notes"

        def answer(self, sample: Sample) -> Sequence[str]:
            given.append(sample)
            return ["Yes"] * len(sample.questions)

    said = TextOnly(Notes()).answer(sample)
    assert [answer.question_id for answer in said] == [question.question_id for question in sample.questions]
    (shown,) = given
    assert shown.media.video_bytes == removed["frames_zeroed"].media.video_bytes
    assert shown.media.audio_bytes == removed["audio_removed"].media.audio_bytes
    check = Check("shown", Modality.VISUAL, "Dog", "Is it there?")
    ((asked, answers),) = Deaf(Notes()).check_all([(sample, [check])])
    assert (asked, answers[0].text) == (sample, "Yes")
    assert given[-1].media.audio_bytes == removed["audio_removed"].media.audio_bytes
    assert given[-1].media.video_bytes == sample.media.video_bytes
    assert Blind(Notes()).modalities == (Modality.AUDIO,)


def test_who_has_lost_a_modality_is_told_how_to_do_without() -> None:
    lost = [
        Finding(modality=modality, verdict=Verdict.MISSING, reason="all answers are the same", answers={}, tokens={})
        for modality in Modality
    ]
    for finding, other in zip(lost, ("audio", "video"), strict=True):
        with pytest.raises(MMABenchError, match=f"streams={other} if it takes no {finding.modality} input"):
            require_reach(models.load("baseline:random"), Probe(findings=[finding]))
    with pytest.raises(MMABenchError) as both:
        require_reach(models.load("baseline:random"), Probe(findings=lost))
    assert "streams=" not in str(both.value)


def test_an_endpoint_without_audio_is_evaluated_without_skipping_the_probe(
    demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    endpoint.behaviour.drop_audio = True
    run = tmp_path / "run"
    command = ["eval", "--data", str(demo), "--model", endpoint.openai, "--run", str(run), "--limit", "1"]
    command += ["--condition", "aligned", "--protocol", "paper"]
    result = CliRunner().invoke(mma_main, [*command, "--model-option", "streams=video"])
    assert result.exit_code == 0, result.output
    assert "the model gets no audio input" in result.output
    assert open_run(run).withheld == [Modality.AUDIO]
    assert [one["modality"] for one in json.loads((run / "probe.json").read_text())["findings"]] == ["visual"]
