"""Verification by a server: requests in flight are bounded and keep it busy, and what they cost is told and kept."""

import json
from collections import deque
from pathlib import Path

import pytest

from builder.executors import ExecutorSettings
from builder.normalise.settings import NormaliseSettings
from builder.verify.costs import Cost
from builder.verify.settings import Prices, VerifySettings
from builder.verify.stage import VerifyClips
from builder.verify.verifier import make_verifier
from tests.builder.conftest import CLIPS, Build
from tests.conftest import run_builder
from tests.models.endpoint_server import EndpointServer

CHECKS = 4 * CLIPS


@pytest.mark.usefixtures("endpoint")
def test_a_server_is_asked_with_bounded_concurrency_and_the_cost_is_told(
    verified: Build, endpoint: EndpointServer, tmp_path: Path
) -> None:
    endpoint.behaviour.constant = "Yes"
    endpoint.behaviour.delay = 0.02
    endpoint.behaviour.faults = deque(["503"])
    build = verified.copy(tmp_path)
    prices = ("verify.prices.input_tokens=3", "verify.prices.requests=1", "verify.prices.currency=EUR")
    options = ("verify.model_options.concurrency=5", "verify.model_options.backoff=0.01")
    run = run_builder(*build.arguments(f"verify.model={endpoint.openai}", *options, *prices))

    cost = json.loads((build.work / "verify" / "cost.json").read_text())
    total = cost["total"]
    assert (total["clips"], total["checks"], total["requests"], total["retries"]) == (CLIPS, CHECKS, CHECKS + 1, 1)
    sent = [json.dumps(seen.body) for seen in endpoint.seen]
    assert total["sent_bytes"] == pytest.approx(sum(map(len, sent)), rel=0.01)
    assert total["input_tokens"] > 100 * CHECKS
    assert total["output_tokens"] >= CHECKS
    assert total["money"] == pytest.approx(total["input_tokens"] * 3e-6 + (CHECKS + 1) * 1e-3)
    assert cost["per_thousand_clips"]["requests"] == pytest.approx(1000 * (CHECKS + 1) / CLIPS)
    line = next(line for line in run.stderr.splitlines() if "per thousand clips" in line)
    assert line.startswith("verify: openai:cascade per thousand clips: ")
    assert f"requests (1 retried in all), {1000 * total['input_tokens'] / CLIPS:,.0f} tokens in" in line
    assert line.endswith(f"EUR; counted over {CLIPS} clips")
    assert "127.0.0.1" not in (build.work / "verify" / "cost.json").read_text()

    # A finished stage asks nothing; another threshold decides from the same answers, so nothing more was spent.
    asked = len(endpoint.seen)
    again = run_builder(*build.arguments(f"verify.model={endpoint.openai}", *options, *prices))
    assert len(endpoint.seen) == asked
    assert "per thousand clips" not in again.stderr


def test_a_batch_for_a_server_is_several_times_what_it_answers_at_once(
    endpoint: EndpointServer, tmp_path: Path
) -> None:
    settings = VerifySettings(model=endpoint.openai, model_options={"concurrency": "100"})
    stage = VerifyClips(tmp_path, tmp_path, make_verifier(settings, ["Dog"]), NormaliseSettings(), settings)
    assert stage.clips_at_a_time == 400
    cluster = ExecutorSettings(kind="slurm", workers=64)
    assert stage.executor(cluster).workers == 1
    assert stage.executor(cluster.changed(stages={"verify": {"workers": 3}})).workers == 3


def test_each_task_gets_a_gpu_where_the_model_takes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from builder.verify.verifier import Verifier

    verifier = Verifier(model="transformers:any", options=(), fingerprint_sha256="", classes=("Dog",))
    stage = VerifyClips(tmp_path, tmp_path, verifier, NormaliseSettings(), VerifySettings())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    local = stage.executor(ExecutorSettings(workers=16))
    assert (local.workers, local.gpus) == (4, 1)
    assert stage.executor(ExecutorSettings(stages={"verify": {"gpus": 2}}).for_stage("verify")).workers == 2
    cluster = stage.executor(ExecutorSettings(kind="slurm", workers=16))
    assert (cluster.workers, cluster.gpus) == (16, 1)
    on_cpu = Verifier(**{**verifier.model_dump(), "options": (("device_map", "cpu"),)})
    stage = VerifyClips(tmp_path, tmp_path, on_cpu, NormaliseSettings(), VerifySettings())
    assert stage.executor(ExecutorSettings(kind="slurm", workers=16)).gpus == 0


def test_costs_of_all_processes_add_up_and_unknown_numbers_stay_unknown() -> None:
    cost = Cost(clips=2, seconds=1800.0, input_tokens=10)
    cost.add(Cost(clips=3, seconds=1800.0, requests=4))
    assert cost == Cost(clips=5, seconds=3600.0, input_tokens=10, requests=4)
    assert cost.money(Prices()) is None
    assert cost.money(Prices(hours=2.5)) == 2.5
