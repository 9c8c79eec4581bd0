"""Good servers conform, each kind of misbehaviour is named, and a weak model is not blamed on its server."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from mma_bench import MMABenchError
from mma_bench.conform.bounds import bounds
from mma_bench.conform.checks.answers import ask_fixed, reference_check, repeat_check
from mma_bench.conform.checks.arrival import arrival_checks
from mma_bench.conform.checks.counts import counts_check
from mma_bench.conform.checks.fidelity import high_frequencies, long_audio, long_video
from mma_bench.conform.result_file import read_reference
from mma_bench.conform.run import Plan, conform
from mma_bench.conform.server import Server
from mma_bench.conform.signals import PICTURES, SOUNDS, VARIATIONS
from mma_bench.conform.verdicts import Check, Conclusion, Conformance, Outcome
from mma_bench.console.progress import bar
from mma_bench.schema import Modality
from tests.conform import tampering
from tests.conform.perceiver import Perceiver
from tests.conftest import run_command
from tests.models.endpoint_behaviour import Behaviour
from tests.models.endpoint_server import Brain, EndpointServer, serve

PLAN = Plan(long_seconds=8, levels=(1, 4))
SMALL = {"size": "64"}


@pytest.fixture(scope="module")
def running() -> Iterator[EndpointServer]:
    """A server whose model perceives by measuring."""
    with serve() as server:
        server.brain = Perceiver()
        yield server


@pytest.fixture
def server(running: EndpointServer) -> EndpointServer:
    """The server, behaving well."""
    running.reset()
    return running


def examine(model: str, options: Mapping[str, str] | None = None, plan: Plan = PLAN) -> Conformance:
    return conform(model, {"retries": "0", **(options or {})}, plan, progress=False)


def outcomes(found: Conformance, outcome: Outcome) -> set[str]:
    return {check.name for check in found.checks if check.outcome is outcome}


GOOD: dict[str, tuple[str, dict[str, str], Behaviour]] = {
    "parts": ("openai", {}, Behaviour()),
    "frames, no token counts": ("openai", {"media": "frames", **SMALL}, Behaviour(counts=False)),
    "muxed": ("openai", {"media": "muxed"}, Behaviour()),
    "gemini": ("gemini", {}, Behaviour()),
}


@pytest.mark.slow  # the command's test is the fast one
@pytest.mark.parametrize("name", GOOD)
def test_a_good_server_conforms(server: EndpointServer, name: str) -> None:
    family, options, server.behaviour = GOOD[name]
    more = ["interleaved"] if "frames" in name else []
    found = examine(getattr(server, family), options, Plan(packings=more, long_seconds=8, levels=(1, 4)))
    assert outcomes(found, Outcome.FAILED) == outcomes(found, Outcome.UNCLEAR) == set()
    assert found.conclusion is Conclusion.CONFORMS
    assert outcomes(found, Outcome.SKIPPED) <= {"token counts", "model named in replies"}
    assert {level["concurrency"] for c in found.checks for level in c.details.get("levels", [])} == {1, 4}


@pytest.mark.slow
def test_a_server_that_says_what_it_does_not_take_conforms(server: EndpointServer) -> None:
    server.behaviour.no_data = ("video",)
    found = examine(server.openai, {"media": "frames", **SMALL})
    assert found.conclusion is Conclusion.CONFORMS
    assert outcomes(found, Outcome.REFUSED) == {"video alone"}
    with pytest.raises(MMABenchError, match="HTTP 500"):  # what the options ask for must be taken
        examine(server.openai)


ALL = tuple(Modality)
AUDIO, VIDEO = "audio next to video (parts)", "video next to audio (parts)"
Find = Callable[[Server], Sequence[Check]]
ARRIVAL: Find = lambda server: arrival_checks(server, (), ALL)  # noqa: E731
COUNTS: Find = lambda server: [counts_check(server, ALL)]  # noqa: E731
REPEATS: Find = lambda server: [repeat_check(ask_fixed(server, ALL), samples_answers=False)]  # noqa: E731
GOOD_ANSWERS = {f"{name}_{variation}": name for name in (*PICTURES, *SOUNDS) for variation in range(VARIATIONS)}
"""Those of the model that measures: all are right."""
AGAINST: Find = lambda server: [reference_check(ask_fixed(server, ALL), GOOD_ANSWERS)]  # noqa: E731
LONG_AUDIO: Find = lambda server: [long_audio(server, 8)]  # noqa: E731
LONG_VIDEO: Find = lambda server: [long_video(server, 8)]  # noqa: E731
HIGH: Find = lambda server: [high_frequencies(server)]  # noqa: E731

BAD: dict[str, tuple[dict[str, Any], Find, str]] = {
    "drops audio next to video": ({"tamper": tampering.drops_audio_next_to_video}, ARRIVAL, AUDIO),
    "ignores images": ({"tamper": tampering.ignores_images}, ARRIVAL, "images alone"),
    "cuts long audio": ({"tamper": tampering.cuts_audio}, LONG_AUDIO, "end of long audio"),
    "drops the last frames": ({"tamper": tampering.drops_frames}, LONG_VIDEO, "end of long video"),
    "audio as on a telephone": ({"tamper": tampering.telephone}, HIGH, "audio above 4 kHz"),
    "answers at random": ({"retort": tampering.at_random}, REPEATS, "equal requests, equal answers"),
    "always counts 100 tokens": ({"recount": tampering.always_100}, COUNTS, "token counts"),
    "counts about right": ({"recount": tampering.about}, COUNTS, "token counts"),
    "answers of another model": ({"retort": tampering.another_model}, AGAINST, "answers of the reference"),
}


@pytest.fixture
def under_test(server: EndpointServer) -> Server:
    return Server(server.openai, {"retries": "0"}, bar("", 0, show=False), ALL)


@pytest.mark.parametrize("name", BAD)
def test_each_misbehaviour_fails_the_check_that_is_about_it(
    server: EndpointServer, under_test: Server, name: str
) -> None:
    changes, find, failing = BAD[name]
    server.behaviour = Behaviour(**changes)
    assert [check.name for check in find(under_test) if check.outcome is Outcome.FAILED] == [failing]


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_a_misbehaving_server_does_not_conform_and_other_checks_do_not_fail(server: EndpointServer, name: str) -> None:
    changes, _, failing = BAD[name]
    server.behaviour = Behaviour(**changes)
    found = examine(server.openai, plan=Plan(long_seconds=8, levels=(1, 4), reference=GOOD_ANSWERS))
    assert found.conclusion is Conclusion.FAILS
    # Of audio that does not arrive, no answer can be that of the reference.
    more = {"same answers under load", "accuracy gate"} if "retort" in changes else set()
    more |= {"answers of the reference"} if "audio" in name or "random" in name else set()
    assert {failing} <= outcomes(found, Outcome.FAILED) <= {failing, *more}


@pytest.mark.parametrize("counts", [True, False])
def test_a_model_that_cannot_hear_is_not_its_servers_fault(
    server: EndpointServer, under_test: Server, counts: bool
) -> None:
    server.brain, good = Perceiver(deaf=True), server.brain
    server.behaviour.counts = counts
    try:
        checks = [*ARRIVAL(under_test), *LONG_AUDIO(under_test), *HIGH(under_test)]
    finally:
        server.brain = good
    found = Conformance("m", {}, checks, {})
    assert outcomes(found, Outcome.FAILED) == set()
    assert found.conclusion is Conclusion.NOT_SHOWN
    assert {"end of long audio", "audio above 4 kHz"} <= outcomes(found, Outcome.UNCLEAR)
    assert (AUDIO in outcomes(found, Outcome.PASSED)) is counts  # its token counts follow the audio


@pytest.mark.slow
def test_only_what_a_model_takes_is_tested(server: EndpointServer) -> None:
    found = examine(server.openai, plan=Plan(modalities=[Modality.VISUAL], long_seconds=8, levels=()))
    assert found.conclusion is Conclusion.CONFORMS
    assert not [check.name for check in found.checks if "audio" in check.name or "load" in check.name]
    assert not any(kind == "input_audio" for request in server.seen for kind, _ in request.parts)
    assert {name.rpartition("_")[0] for name in found.answers} == set(PICTURES)


def test_the_command_says_it_by_its_exit_code(server: EndpointServer, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mma_bench", "conform", "--model", server.openai, "--long-seconds", "8"]
    command += ["--concurrency", "4", "--model-option", "retries=0"]
    dry = run_command(*command, "--dry-run").stdout
    assert "about " in dry
    assert not server.seen
    good = tmp_path / "good.json"
    shown = run_command(*command, "--out", str(good)).stdout
    assert ": conforms" in shown.splitlines()[0]
    asked = int(dry.partition("about ")[2].partition(" requests")[0])
    assert asked == pytest.approx(len(server.seen), rel=0.25)
    assert json.loads(good.read_text())["conclusion"] == "conforms"
    server.behaviour.retort = tampering.another_model
    bad = run_command(*command, "--against", str(good), "--gate", "0.01", "--json", check=False)
    assert bad.returncode == 1
    by_name = {check["name"]: check for check in json.loads(bad.stdout)["checks"]}
    assert by_name["answers of the reference"]["outcome"] == "failed"
    for arguments, message in (
        (["--model", "cascade"], "is not behind a server"),
        (["--model", "openai:m@http://127.0.0.1:9/v1", "--model-option", "retries=0"], "127.0.0.1:9"),
        ([*command[4:], "--gate", "2"], "--gate 2: give a share"),
        ([*command[4:], "--concurrency", "x"], "--concurrency 'x'"),
        ([*command[4:], "--packing", "part"], "there is no packing"),
        ([*command[4:], "--model-option", "media=none"], "conform sends both streams"),
        ([*command[4:], "--against", str(tmp_path / "no.json")], "cannot be read"),
    ):
        refused = run_command(*command[:4], *arguments, check=False)
        assert refused.returncode == 2
        assert message in refused.stderr


def test_a_reference_must_be_a_result(tmp_path: Path) -> None:
    stopped = '{"answers": {"a": "Dog"}, "error": "the server stopped answering"}'
    for content in ("[]", "{}", '{"answers": {"a": 1}}', "{", '{"answers": []}', '{"answers": {}}', stopped):
        path = tmp_path / "x.json"
        path.write_text(content)
        with pytest.raises(MMABenchError, match=r"x\.json"):
            read_reference(path)


@pytest.mark.parametrize(("hits", "total"), [(8, 8), (0, 8), (5, 8), (1, 20), (20, 20)])
def test_bounds_of_independent_answers_are_exact(hits: int, total: int) -> None:
    found = bounds([i < hits for i in range(total)], [str(i) for i in range(total)])
    test: Callable[[str], Any] = lambda side: binomtest(hits, total, alternative=side).proportion_ci(0.95)  # noqa: E731
    assert found.low == pytest.approx(test("greater").low, abs=1e-9)
    assert found.high == pytest.approx(test("less").high, abs=1e-9)


def test_equal_answers_about_one_stimulus_count_once() -> None:
    single = bounds([True] * 6 + [False] * 2, [str(i) for i in range(8)])
    fourfold = bounds(([True] * 6 + [False] * 2) * 4, [str(i % 8) for i in range(32)])
    assert fourfold.low == pytest.approx(single.low, abs=0.02)
    assert fourfold.effective == pytest.approx(8, abs=0.5)


@pytest.mark.slow
def test_the_cascade_behind_a_server_conforms() -> None:
    with serve() as running:
        running.brain = Brain()
        found = examine(running.openai, plan=Plan(packings=["frames", "muxed", "interleaved"], long_seconds=40))
    assert outcomes(found, Outcome.FAILED) == set()
