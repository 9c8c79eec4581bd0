"""The reach probe: it catches a server that drops a modality every time, and passes an honest one every time."""

import json
import re
import sys
from pathlib import Path

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.models import Answer, load
from mma_bench.models.cascade.model import CascadeModel
from mma_bench.probe import Verdict, probe, stimuli
from mma_bench.probe.findings import judge
from mma_bench.probe.signals import PICTURE_NAMES, video_bytes
from mma_bench.report import write_report
from mma_bench.schema import Modality
from tests.conftest import run_command
from tests.models.endpoint_server import EndpointServer

REACHES, MISSING, UNCLEAR = Verdict.REACHES, Verdict.MISSING, Verdict.UNCLEAR
WAYS = [
    ("openai", {}, True),
    ("openai", {}, False),
    ("openai", {"logprobs": "5"}, True),
    ("openai", {"media": "frames", "fps": "1"}, True),
    ("openai", {"media": "muxed"}, True),
    ("gemini", {}, True),
]
"""Protocol, options, and whether the server counts tokens."""


def verdicts(model: str, options: dict[str, str] | None = None) -> list[Verdict]:
    """Return the verdicts about video and audio."""
    return [finding.verdict for finding in probe(load(model, options)).findings]


def test_the_cascade_itself_sees_and_hears() -> None:
    assert [finding.verdict for finding in probe(CascadeModel()).findings] == [REACHES, REACHES]


@pytest.mark.parametrize(("family", "options", "counts"), WAYS)
def test_what_a_server_drops_is_found_and_an_honest_one_passes(
    family: str, options: dict[str, str], counts: bool, endpoint: EndpointServer
) -> None:
    model = getattr(endpoint, family)
    endpoint.behaviour.counts = counts
    assert verdicts(model, options) == [REACHES, REACHES]
    endpoint.behaviour.drop_audio = True
    assert verdicts(model, options) == [REACHES, MISSING]
    endpoint.behaviour.drop_audio = False
    if options.get("media") != "muxed":
        endpoint.behaviour.drop_video = True
        assert verdicts(model, options) == [MISSING, REACHES]


def test_a_model_that_always_says_the_same_is_judged_by_its_token_counts(endpoint: EndpointServer) -> None:
    endpoint.behaviour.constant = "Dog"
    found = probe(load(endpoint.openai))
    assert [finding.verdict for finding in found.findings] == [REACHES, REACHES]
    assert all("the model makes little of it" in finding.reason for finding in found.findings)
    endpoint.behaviour.drop_audio = True
    assert verdicts(endpoint.openai) == [REACHES, MISSING]
    endpoint.behaviour.counts = False
    assert verdicts(endpoint.openai) == [MISSING, MISSING]


def test_an_evaluation_is_refused_before_its_first_question_and_the_override_is_reported(
    demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    endpoint.behaviour.drop_audio = True
    run = tmp_path / "run"
    command = [sys.executable, "-m", "mma_bench", "eval", "--data", str(demo), "--model", endpoint.openai]
    command += ["--run", str(run), "--condition", "misaligned", "--limit", "2"]
    result = run_command(*command, check=False)
    assert result.returncode == 2
    assert "audio does not reach: 5 stimuli that differ plainly got the same answers and token counts" in result.stderr
    errors = [line for line in result.stderr.splitlines() if not re.match(r"loading|reading|probe|openai:|$", line)]
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert "probe openai:" in result.stderr  # it says what it is doing meanwhile
    assert not run.exists()
    run_command(*command, "--skip-probe")
    assert json.loads((run / "probe.json").read_text()) == {"findings": [], "skipped": True}
    page = write_report([run], tmp_path / "report").read_text()
    assert "the reach probe was skipped" in page
    assert "--skip-probe" in page
    endpoint.behaviour.drop_audio = False
    run_command(*command[:-1], "3")  # one more stimulus, this time with the probe
    page = write_report([run], tmp_path / "report").read_text()
    assert "audio reaches (5 stimuli got 5 different answers" in page
    assert "skipped" not in page


def test_the_command_tells_and_exits_with_2(endpoint: EndpointServer) -> None:
    command = [sys.executable, "-m", "mma_bench", "probe", "--model", endpoint.gemini]
    assert run_command(*command).stdout.startswith("visual: reaches (")
    endpoint.behaviour.drop_audio = True
    result = run_command(*command, "--json", check=False)
    assert result.returncode == 2
    assert [finding["verdict"] for finding in json.loads(result.stdout)["findings"]] == ["reaches", "does not reach"]
    result = run_command(*command[:-1], "baseline:random", check=False)
    assert result.returncode == 2
    assert "there is nothing to probe" in result.stderr


def test_baselines_are_not_probed(demo: Path, tmp_path: Path) -> None:
    mma_bench.evaluate("baseline:random", demo, run=tmp_path / "run", limit=1, progress=False)
    assert not (tmp_path / "run" / "probe.json").exists()
    with pytest.raises(MMABenchError, match="reads labels, no media"):
        probe(load("baseline:random"))


def answers(*texts: str, scores: tuple[float, ...] = (), tokens: int | None = None) -> list[Answer]:
    given = scores or (None,) * len(texts)
    pairs = zip(texts, given, strict=True)
    return [Answer("q", text, {"A": s} if s is not None else {}, input_tokens=tokens) for text, s in pairs]


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (answers("A", "A"), answers("B", "B"), REACHES),
        (answers("A", "A"), answers("A ", "A"), MISSING),
        (answers("A", "B"), answers("B", "B"), UNCLEAR),  # the difference may be chance
        (answers("A", "B", tokens=7), answers("B", "B", tokens=8), REACHES),
        (answers("", ""), answers("", ""), UNCLEAR),
        (answers("A", "A", scores=(-1.0, -1.0)), answers("A", "A", scores=(-1.2, -1.2)), REACHES),
        (answers("A", "A", scores=(-1.0, -1.1)), answers("A", "A", scores=(-1.2, -1.2)), MISSING),
        (answers("A", "A", scores=(-1.0, -1.0)), answers("A", "A", scores=(-1.0001, -1.0001)), MISSING),
    ],
)
def test_only_differences_beyond_chance_count(first: list[Answer], second: list[Answer], verdict: Verdict) -> None:
    assert judge(Modality.AUDIO, {"one": first, "two": second}).verdict is verdict


def test_stimuli_are_the_same_every_time_and_differ_in_one_modality() -> None:
    assert [video_bytes(name) for name in PICTURE_NAMES[:2]] == [video_bytes(name) for name in PICTURE_NAMES[:2]]
    for modality in Modality:
        made = stimuli.samples(modality, 0)
        videos = {sample.stimulus.video.sha256 for sample in made}
        sounds = {sample.stimulus.audio.sha256 for sample in made}
        varied, constant = (videos, sounds) if modality is Modality.VISUAL else (sounds, videos)
        assert (len(varied), len(constant)) == (5, 1)
        assert len({question.prompt for sample in made for question in sample.questions}) == 1
