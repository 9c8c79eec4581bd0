"""Servers of others, really called: `transformers serve` with a tiny checkpoint, and LiteLLM's proxy in front of it.

They need environments that `scripts/servers/setup.sh` makes; nothing leaves this machine.
"""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.dataset.load import Sample
from mma_bench.evaluation import AnswerStore
from mma_bench.models import Answer, load
from mma_bench.models.cascade.model import CascadeModel
from tests.conftest import ROOT
from tests.models.endpoint_replies import THOUGHT
from tests.models.endpoint_server import EndpointServer

KEY = "sk-planted-Qz7x0123456789"
SMALL = {"media": "frames", "size": "56", "fps": "1"}
"""Ten small pictures and the audio: a few hundred tokens."""

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def environment(name: str) -> Path:
    folder = ROOT / name / "bin"
    if not folder.is_dir():
        pytest.skip(f"needs the environment {name}; make it with scripts/servers/setup.sh")
    return folder


@contextmanager
def running(command: Sequence[str], health: str, log: Path) -> Iterator[None]:
    """Run a server in a process of its own until the block ends."""
    offline = {"HF_HUB_OFFLINE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "CUDA_VISIBLE_DEVICES": ""}
    with open(log, "w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | offline, stdout=output, stderr=output)
    try:
        while process.poll() is None:
            try:
                urllib.request.urlopen(health, timeout=5).close()
                break
            except (urllib.error.URLError, TimeoutError):
                time.sleep(0.5)
        assert process.poll() is None, log.read_text()[-3000:]
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """`transformers serve`: the name of its model, and its URL."""
    programs, folder = environment(".venv-serve"), tmp_path_factory.mktemp("serve")
    checkpoint = folder / "tiny"
    subprocess.run([programs / "python", "scripts/servers/tiny_checkpoint.py", checkpoint], cwd=ROOT, check=True)
    port = free_port()
    command = [str(programs / "transformers"), "serve", str(checkpoint), "--port", str(port), "--host", "127.0.0.1"]
    with running([*command, "--device", "cpu"], f"http://127.0.0.1:{port}/health", folder / "log"):
        yield str(checkpoint), f"http://127.0.0.1:{port}/v1"


@contextmanager
def proxied(model: str, url: str, folder: Path, key: str = "none") -> Iterator[str]:
    """LiteLLM's proxy in front of a server: the model's name for us."""
    programs, port = environment(".venv-litellm"), free_port()
    config = folder / "litellm.yaml"
    config.write_text(
        f"model_list:\n  - model_name: tiny\n    litellm_params: {{model: 'openai/{model}', api_base: '{url}', "
        f"api_key: '{key}'}}\ngeneral_settings: {{master_key: '{KEY}'}}\nlitellm_settings: {{telemetry: false}}\n"
    )
    command = [str(programs / "litellm"), "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
    with running(command, f"http://127.0.0.1:{port}/health/liveliness", folder / "litellm.log"):
        yield f"openai:tiny@http://127.0.0.1:{port}/v1"


def ask(model: str, options: dict[str, str], samples: Sequence[Sample]) -> dict[str, Answer]:
    loaded = load(model, {"concurrency": "1", "backoff": "0.01", **options})
    return {answer.question_id: answer for _, answers in loaded.answer_all(samples) for answer in answers}


def whole(answer: Answer) -> str:
    """Return an answer without the rest of a cut character, which `transformers serve` leaves out of a stream."""
    return answer.text.rstrip("\ufffd")


@pytest.fixture(scope="module")
def samples(demo: Path) -> Sequence[Sample]:
    """Two stimuli with the same video, one of them without its audio."""
    known = mma_bench.load(demo, condition=["aligned", "audio_removed"]).samples
    first = known[0]
    other = next(s for s in known[1:] if s.stimulus.video.sha256 == first.stimulus.video.sha256)
    return [first, other]


def test_transformers_serve_gets_all_media_and_says_what_it_cannot_take(
    served: tuple[str, str], samples: Sequence[Sample], tmp_path: Path
) -> None:
    model = f"openai:{served[0]}@{served[1]}"
    with pytest.raises(MMABenchError, match=r"twice with the same words.*HTTP 500.*media=frames or transfer=url"):
        ask(model, {}, samples[:1])  # it takes no data URL for a video
    frames = ask(model, SMALL, samples)
    assert all(answer.output_tokens and answer.finish_reason for answer in frames.values())
    loud, silent = ([frames[q.question_id].text for q in sample.questions] for sample in samples)
    assert loud != silent  # the video is the same, so the audio arrives
    streamed = ask(model, SMALL | {"stream": "always"}, samples[:1])
    hosted = ask(model, SMALL | {"transfer": "url"}, samples[:1])
    for name in streamed:
        assert hosted[name].text == frames[name].text
        assert whole(streamed[name]) == whole(frames[name])
        assert streamed[name].input_tokens == hosted[name].input_tokens == frames[name].input_tokens
    by_path = ask(model, {"transfer": "path"}, samples[:1])
    by_url = ask(model, {"transfer": "url"}, samples[:1])
    assert {name: answer.text for name, answer in by_path.items()} == {n: answer.text for n, answer in by_url.items()}
    for name, answer in by_path.items():
        assert (answer.input_tokens or 0) > 2 * (frames[name].input_tokens or 0)  # the video's own size and rate


def test_litellm_in_front_of_transformers_serve_changes_no_answer(
    served: tuple[str, str],
    demo: Path,
    samples: Sequence[Sample],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    direct = ask(f"openai:{served[0]}@{served[1]}", SMALL, samples[:1])
    with proxied(served[0], served[1], tmp_path) as model:
        monkeypatch.setenv("OPENAI_API_KEY", KEY + "x")
        with pytest.raises(MMABenchError, match=r"HTTP 40[0-3]") as failure:
            ask(model, SMALL, samples[:1])
        assert KEY not in str(failure.value)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        for more in ({}, {"stream": "always"}):
            through = ask(model, SMALL | more, samples[:1])
            assert {n: whole(a) for n, a in through.items()} == {n: whole(a) for n, a in direct.items()}
            assert {n: a.input_tokens for n, a in through.items()} == {n: a.input_tokens for n, a in direct.items()}
        run = tmp_path / "run"
        mma_bench.evaluate(
            model, demo, run=run, options=SMALL, condition="aligned", limit=1, protocol="paper", probe=False,
            progress=False,
        )  # fmt: skip
        assert len(AnswerStore(run).read()) == 2
        assert all(KEY not in path.read_text() for path in run.rglob("*") if path.is_file())


def test_litellm_in_front_of_a_model_that_thinks_keeps_answers_reasoning_and_media(
    demo: Path, tmp_path: Path, endpoint: EndpointServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = mma_bench.load(demo, condition="misaligned", limit=2).samples
    expected = {a.question_id: a.text for sample in known for a in CascadeModel().answer(sample)}
    endpoint.behaviour.thinking = 1000
    with proxied("cascade", endpoint.openai.partition("@")[2], tmp_path) as model:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        for options in ({}, {"stream": "always"}, {"transfer": "url"}):
            answers = ask(model, options, known)
            assert {name: answer.text for name, answer in answers.items()} == expected
            assert {answer.reasoning for answer in answers.values()} == {THOUGHT}
