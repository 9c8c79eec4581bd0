"""What a run took is recorded from what servers and models say, adds up over resumptions, and is shown."""

import json
from collections import deque
from pathlib import Path
from statistics import median

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.evaluation.store import AnswerStore
from mma_bench.evaluation.usage import Price, read_usage
from mma_bench.report import write_report
from tests.models.endpoint_server import EndpointServer


def ask(model: str, demo: Path, run: Path, limit: int = 2, **more: str) -> None:
    mma_bench.evaluate(
        model,
        demo,
        run=run,
        options={"backoff": "0.01", **more},
        condition="aligned",
        limit=limit,
        protocol="paper",
        probe=False,
        progress=False,
        price=Price(2.0, 10.0),
    )


@pytest.mark.parametrize(("family", "served"), [("openai", "cascade fp_1"), ("gemini", "cascade-001")])
def test_tokens_cost_reasons_and_versions_of_a_server(
    family: str, served: str, demo: Path, tmp_path: Path, endpoint: EndpointServer
) -> None:
    run = tmp_path / "run"
    endpoint.behaviour.faults = deque(["500"])
    ask(getattr(endpoint, family), demo, run, max_tokens="1")
    answers = list(AnswerStore(run).read().values())
    usage = json.loads((run / "usage.json").read_text())
    given = [answer.input_tokens or 0 for answer in answers]
    written = 1 if family == "openai" else 9  # with thoughts
    assert (usage["answers"], usage["cut_off"], usage["served_by"]) == (4, 4, {served: 4})
    assert (usage["input_tokens"], usage["median_input_tokens"]) == (sum(given), median(given))
    assert usage["output_tokens"] == 4 * written
    assert usage["cost"] == pytest.approx((2 * sum(given) + 10 * 4 * written) / 1e6)
    assert min(given) > 0
    assert usage["median_seconds"] > 0
    assert usage["retries"] == 1
    assert usage["peak_memory_bytes"] is None  # the model's memory is the server's
    page = write_report([run], tmp_path / "report")
    table = json.loads((page.parent / "tables" / "usage.json").read_text())
    entries = dict(zip([column["head"] for column in table["columns"]], table["rows"][0]["entries"], strict=True))
    assert (entries["answers"], entries["cut off at max tokens"], entries["served by"]) == (4, 4, served)
    assert "What the runs took" in page.read_text()


def test_a_resumed_run_adds_up_and_an_old_one_is_read(demo: Path, tmp_path: Path, endpoint: EndpointServer) -> None:
    run = tmp_path / "run"
    ask(endpoint.openai, demo, run, limit=1)
    first = json.loads((run / "usage.json").read_text())
    ask(endpoint.openai, demo, run, limit=3)
    second = json.loads((run / "usage.json").read_text())
    assert (first["answers"], second["answers"]) == (2, 6)
    assert second["wall_seconds"] > first["wall_seconds"]
    ask(endpoint.openai, demo, run, limit=3)  # nothing to ask
    assert json.loads((run / "usage.json").read_text()) == second
    lines = [json.loads(line) for line in (run / "answers.jsonl").read_text().splitlines()]
    new = {"input_tokens", "output_tokens", "seconds", "finish_reason", "served_by"}
    assert all(new <= line.keys() for line in lines)
    old = [{name: value for name, value in line.items() if name not in new} for line in lines]
    (run / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    (run / "usage.json").unlink()
    usage = read_usage(run, AnswerStore(run).read().values())
    assert (usage.answers, usage.counted, usage.input_tokens, usage.cut_off, usage.cost) == (6, 0, None, None, None)
    assert "What the runs took" not in write_report([run], tmp_path / "report").read_text()
    (run / "usage.json").write_text("{")
    with pytest.raises(MMABenchError, match=r"usage.json is damaged; delete it"):
        write_report([run], tmp_path / "again")


def test_a_local_model_has_a_peak_of_memory(demo: Path, tmp_path: Path) -> None:
    mma_bench.evaluate("cascade", demo, run=tmp_path / "run", condition="aligned", limit=1, probe=False, progress=False)
    usage = json.loads((tmp_path / "run" / "usage.json").read_text())
    assert usage["peak_memory_of"] in ("process", "GPU")
    assert usage["peak_memory_bytes"] > 10**8
    assert usage["retries"] is None
    assert usage["median_seconds"] > 0
