"""Models that think, behind a server: their reasoning is kept apart, and a run without answers is not finished."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.dataset.load import Sample
from mma_bench.evaluation import AnswerStore
from mma_bench.evaluation.emptiness import Emptiness, is_empty
from mma_bench.evaluation.store import StoredAnswer
from mma_bench.models import load
from mma_bench.models.cascade.model import CascadeModel
from tests.conftest import run_command
from tests.models.endpoint_replies import THOUGHT
from tests.models.endpoint_server import EndpointServer


@pytest.fixture(scope="module")
def samples(demo: Path) -> Sequence[Sample]:
    return mma_bench.load(demo, condition="misaligned", limit=2).samples


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking", "parts", "inline", "gemini"])
def test_a_model_that_thinks_gets_the_tokens_for_it_and_its_reasoning_is_no_answer(
    field: str, samples: Sequence[Sample], endpoint: EndpointServer
) -> None:
    expected = {a.question_id: a.text for sample in samples for a in CascadeModel().answer(sample)}
    endpoint.behaviour.thinking = 5000 if field == "gemini" else 1000
    endpoint.behaviour.reasoning_field = field
    model = load(endpoint.gemini if field == "gemini" else endpoint.openai, {"concurrency": "1"})
    answers = {a.question_id: a for _, said in model.answer_all(samples) for a in said}
    said = {name: answer.text.rpartition("</think>")[2] for name, answer in answers.items()}
    assert said == expected
    for answer in answers.values():
        assert answer.finish_reason == "stop"
        assert answer.reasoning == (None if field == "inline" else THOUGHT)
    sent = [seen.body.get("max_tokens") or seen.body["generationConfig"]["maxOutputTokens"] for seen in endpoint.seen]
    assert sent == [4096 if field == "gemini" else 256] + [8192] * len(expected)  # what was seen once is known


def test_answers_cut_before_they_began_leave_a_run_unfinished_until_that_is_allowed(
    demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    endpoint.behaviour.thinking = 1000
    run = tmp_path / "run"
    command = [sys.executable, "-m", "mma_bench", "eval", "--data", str(demo), "--run", str(run), "--skip-probe"]
    command += ["--model", endpoint.openai, "--model-option", "max_tokens=64", "--protocol", "paper"]
    command += ["--condition", "aligned", "--limit", "2"]
    refused = run_command(*command, check=False)
    assert refused.returncode == 2
    assert "not finished: 4 of 4 answers are empty, 4 of them cut at max_tokens=64" in refused.stderr
    assert "--model-option max_tokens=" in refused.stderr
    assert not (run / "scores.json").exists()
    stored = [json.loads(line) for line in (run / "answers.jsonl").read_text().splitlines()]
    assert {(line["text"], line["reasoning"], line["finish_reason"]) for line in stored} == {("", THOUGHT, "length")}
    endpoint.seen.clear()
    allowed = run_command(*command, "--allow-empty")
    assert "note: 4 of 4 answers are empty, 4 of them cut at max_tokens=64; they count as wrong" in allowed.stdout
    assert (run / "scores.json").exists()
    assert not endpoint.seen
    rescored = run_command(sys.executable, "-m", "mma_bench", "score", str(run))
    assert "4 of 4 answers are empty" in rescored.stdout


def test_a_run_of_answers_that_are_all_filtered_is_not_finished(
    demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    endpoint.behaviour.always = "filter"
    with pytest.raises(MMABenchError, match="not finished: 2 of 2 answers are empty"):
        mma_bench.evaluate(
            endpoint.openai, demo, run=tmp_path / "run", condition="aligned", limit=1, protocol="paper", probe=False,
            progress=False,
        )  # fmt: skip
    assert len(AnswerStore(tmp_path / "run").read()) == 2


def test_one_cut_answer_is_too_much_and_a_few_empty_ones_are_not() -> None:
    def found(*answers: tuple[str, str]) -> Emptiness:
        return Emptiness.of(StoredAnswer("i", "q", text, {}, finish_reason=reason) for text, reason in answers)

    good = ("Dog", "stop")
    assert not found(*[good] * 8, ("", "stop"), ("", "content_filter"), ("Dog bark, becau", "length")).is_too_much
    assert found(*[good] * 99, (" \n", "length")).is_too_much
    assert found(*[good] * 99, ("<think>A dog? No", "length")).is_too_much
    assert found(good, ("", "stop")).is_too_much
    assert not is_empty("<think>Cat?</think> Dog")
