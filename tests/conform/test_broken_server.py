"""Servers that die, are too busy, or are something else: what is said, and what is kept."""

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from mma_bench import MMABenchError
from mma_bench.cli.conform import conform_command
from mma_bench.conform.checks.answers import ask_fixed
from mma_bench.conform.checks.load import load_checks
from mma_bench.conform.result_file import require_writable
from mma_bench.conform.run import Plan, StoppedError, conform
from mma_bench.conform.server import Server, is_busy, is_refusal
from mma_bench.conform.stimuli import audio, sample, video
from mma_bench.conform.verdicts import Conclusion, Outcome
from mma_bench.console.progress import bar
from mma_bench.schema import Modality
from tests.conform.perceiver import Perceiver
from tests.conftest import run_command
from tests.models.endpoint_server import EndpointServer, Received, serve

HEARD = Plan(modalities=[Modality.AUDIO], long_seconds=8, levels=())
ONCE = {"retries": "0", "backoff": "0.01", "timeout": "60"}


@pytest.fixture(scope="module")
def running() -> Iterator[EndpointServer]:
    with serve() as server:
        server.brain = Perceiver()
        yield server


@pytest.fixture
def server(running: EndpointServer) -> EndpointServer:
    running.reset()
    return running


def then(server: EndpointServer, fault: str, after: int) -> None:
    """Let every request fail from some number on."""

    def count(media: Received) -> Received:
        if len(server.seen) >= after:
            server.behaviour.always = fault
        return media

    server.behaviour.tamper = count


def once(server: EndpointServer, fault: str, after: int) -> None:
    """Let one request fail."""

    def count(media: Received) -> Received:
        if len(server.seen) >= after:
            server.behaviour.tamper = None
            server.behaviour.faults.append(fault)
        return media

    server.behaviour.tamper = count


def test_a_server_that_dies_in_the_middle_leaves_what_was_found(server: EndpointServer, tmp_path: Path) -> None:
    then(server, "reset", 22)
    out = tmp_path / "new" / "result.json"
    command = [sys.executable, "-m", "mma_bench", "conform", "--model", server.openai, "--without", "video", "--json"]
    command += ["--out", str(out), "--model-option", "retries=0", "--long-seconds", "8"]
    ended = run_command(*command, check=False)
    assert ended.returncode == 2
    assert ended.stderr.strip().splitlines()[-1].startswith("error: the server stopped answering during the check")
    said = json.loads(ended.stdout)
    assert said == json.loads(out.read_text())
    assert said["conclusion"] == "not tested to the end"
    assert "stopped answering during the check 'end of long audio'" in said["error"]
    assert "in a row" in said["error"]
    assert "run the same command again" not in said["error"], "nothing of a test is kept for the next one"
    assert [check["name"] for check in said["checks"]] == ["audio (parts)", "audio alone"]


def test_a_server_that_breaks_down_on_long_audio_alone_does_not_conform(server: EndpointServer) -> None:
    def heavy(media: Received) -> Received:
        if any(len(sound) > 7 * 32_000 for sound in media.sounds):
            raise RuntimeError("out of memory")
        return media

    server.behaviour.tamper = heavy
    found = conform(server.openai, ONCE, HEARD, progress=False)
    assert found.conclusion is Conclusion.FAILS
    failed = {check.name: check.reason for check in found.checks if check.outcome is Outcome.FAILED}
    assert "end of long audio" in failed
    assert "and then answered other requests again" in failed["end of long audio"]
    assert found.answers, "the other checks were made"
    server.errors.clear()


def test_a_server_that_is_too_busy_for_a_while_loses_nothing(server: EndpointServer) -> None:
    under_test = Server(server.openai, ONCE, bar("", 0, show=False), HEARD.modalities)
    asked = ask_fixed(under_test, HEARD.modalities)
    once(server, "429", len(server.seen) + 16)
    speed, same = load_checks(under_test, asked, (1, 4), HEARD.modalities, samples_answers=False)
    assert speed.outcome is Outcome.REFUSED
    assert "1 in flight: " in speed.reason
    assert "4 in flight: the server says that it is too busy" in speed.reason
    assert same.outcome is Outcome.PASSED
    server.reset()
    once(server, "503", 30)
    found = conform(server.openai, ONCE, HEARD, progress=False)
    assert found.conclusion is Conclusion.NOT_SHOWN
    busy = [check for check in found.checks if "too busy, and then answered again" in check.reason]
    assert [check.outcome for check in busy] == [Outcome.UNCLEAR]
    assert found.answers, "the other checks were made"


@pytest.mark.parametrize("fault", ["503", "quota"])
def test_a_server_that_stays_too_busy_ends_the_test(server: EndpointServer, fault: str) -> None:
    then(server, fault, 30)
    with pytest.raises(StoppedError, match="stopped answering during the check"):
        conform(server.openai, ONCE, HEARD, progress=False)
    server.reset()
    under_test = Server(server.openai, ONCE, bar("", 0, show=False), HEARD.modalities)
    asked = ask_fixed(under_test, HEARD.modalities)
    then(server, fault, len(server.seen))
    with pytest.raises(MMABenchError, match=r"HTTP (503|429)"):
        load_checks(under_test, asked, (1, 4), HEARD.modalities, samples_answers=False)


def test_a_status_is_that_of_the_reply_not_one_that_the_server_mentions(
    server: EndpointServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-planted-Qz7x0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    heard = sample("a", Modality.AUDIO, video("Orange_ball"), audio("Church_bell"))
    for fault, words, refusal, busy in (
        ("500", "upstream said HTTP 503", True, False),
        ("400", f"see HTTP 429 and {key}", True, False),
        ("503", "upstream said HTTP 500", False, True),
    ):
        server.behaviour.always, server.behaviour.words = fault, words
        with pytest.raises(MMABenchError, match=f"HTTP {fault}.*HTTP") as error:
            Server(server.openai, ONCE, bar("", 0, show=False), HEARD.modalities).ask([heard])
        assert (is_refusal(error.value), is_busy(error.value)) == (refusal, busy), words


def test_a_finished_result_is_never_lost_to_a_test_that_stopped(server: EndpointServer, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    dead = ["--model", "openai:m@http://127.0.0.1:9/v1", "--model-option", "retries=0", "--out", str(out)]
    assert isinstance(CliRunner().invoke(conform_command, dead).exception, MMABenchError)
    assert not out.exists(), "nothing was found"
    good = '{"answers": {"a": "Dog"}}'
    out.write_text(good)
    assert isinstance(CliRunner().invoke(conform_command, dead).exception, MMABenchError)
    assert out.read_text() == good
    dies = ["--model", server.openai, "--without", "video", "--model-option", "retries=0", "--out", str(out)]
    then(server, "reset", 22)
    ended = CliRunner().invoke(conform_command, dies)
    assert "stopped answering during the check" in str(ended.exception)
    assert str(ended.exception).endswith(f"{out} existed before and was kept")
    assert out.read_text() == good
    out.write_text('{"answers": {}, "error": "an earlier test stopped"}')
    server.reset()
    then(server, "reset", 22)
    assert not str(CliRunner().invoke(conform_command, dies).exception).endswith("was kept")
    assert len(json.loads(out.read_text())["checks"]) == 2


def test_a_result_that_cannot_be_written_hides_neither_itself_nor_the_servers_error(
    server: EndpointServer, tmp_path: Path
) -> None:
    def occupied(media: Received) -> Received:
        (tmp_path / "new").touch()
        return media

    out = tmp_path / "new" / "result.json"
    command = ["--model", server.openai, "--without", "video", "--model-option", "retries=0", "--long-seconds", "8"]
    command += ["--concurrency", "", "--out", str(out), "--json"]
    for faults in (["reset"] * 500, []):
        (tmp_path / "new").unlink(missing_ok=True)
        server.reset()
        server.behaviour.tamper = occupied
        server.behaviour.faults.extend([""] * 22 + faults)
        ended = CliRunner().invoke(conform_command, command)
        assert isinstance(ended.exception, MMABenchError)
        assert f"{out} cannot be written" in str(ended.exception)
        assert str(ended.exception).startswith("the server stopped answering") == bool(faults)
        said = json.loads(ended.stdout)
        assert ("error" in said) == bool(faults)
        assert said["checks"]


def test_names_that_cannot_be_written_are_found_before_the_test(tmp_path: Path) -> None:
    names = ["a" * 300 + ".json", "a" * 300 + "/x.json", "missing/" + "a" * 300, "x." + "a" * 251]
    for path in (*(tmp_path / name for name in names), Path("/proc/x.json"), Path("/proc/x/y.json"), Path("/dev/null")):
        with pytest.raises(MMABenchError, match=r"^--out .*choose another"):
            require_writable(path)
    require_writable(tmp_path / "a" / "b" / "x.json")
    assert not list(tmp_path.iterdir())


def test_nothing_is_asked_if_the_result_cannot_be_written(server: EndpointServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for more in ((), ("--dry-run",)):
        command = [sys.executable, "-m", "mma_bench", "conform", "--model", server.openai]
        ended = run_command(*command, "--out", str(tmp_path / "file" / "x.json"), *more, check=False)
        assert ended.returncode == 2
        assert "is not a folder that can be written to" in ended.stderr
    assert not server.seen


class _Page(BaseHTTPRequestHandler):
    """Answers everything with a web page."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>Welcome</title>")

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, Path]]:
    """Ports of a web server without and with TLS, and its certificate."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _Page) for _ in range(2)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True)
    for one in servers:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    yield servers[0].server_port, servers[1].server_port, certificate
    for one in servers:
        one.shutdown()
        one.server_close()


def test_what_is_no_server_of_answers_is_said_in_one_line(
    pages: tuple[int, int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, secure, certificate = pages
    page = "a web page, no reply: check the path of the address, which often ends in /v1"
    for url, message in (
        (f"http://127.0.0.1:{plain}", page),
        (f"https://127.0.0.1:{plain}/v1", "does not speak TLS.*use http://"),
        (f"https://127.0.0.1:{secure}/v1", "certificate of the server is not trusted.*SSL_CERT_FILE"),
        (f"http://127.0.0.1:{secure}/v1", "if it speaks TLS, use https://"),
    ):
        with pytest.raises(MMABenchError, match=message) as refused:
            conform(f"openai:m@{url}", ONCE, HEARD, progress=False)
        assert "\n" not in str(refused.value)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(MMABenchError, match=page):  # it is trusted now
        conform(f"openai:m@https://127.0.0.1:{secure}/v1", ONCE, HEARD, progress=False)
