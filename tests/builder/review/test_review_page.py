"""The review page as a person uses it: in a browser, with the keyboard, through a crash of the server."""

import http.client
import re
import signal
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.review.store import DecisionStore, in_force
from tests.builder.conftest import CLIPS, HOSTILE, PASS_ALL, Build
from tests.builder.review.browser import Browser
from tests.conftest import ROOT, run_builder

TOTAL = CLIPS + 2  # attention checks for a tenth of the clips, rounded up
NAME = "<img src=x onerror=window.hacked=1>"
QUERY = urllib.parse.urlencode({"annotator": NAME})
ITEM = "document.getElementById('stage').dataset.item"
PROGRESS = "document.getElementById('progress')?.innerText"
LABEL = "document.getElementById('label').textContent"
PLAYING = "(v => v && v.currentTime > 0.2 && v.videoWidth > 0 && v.webkitAudioDecodedByteCount > 0)"
PLAYING += "(document.getElementById('clip'))"


@contextmanager
def serving(work: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Serve the page on a free port; yield the process and the port."""
    command = [sys.executable, "-m", "builder", "review", "--work", str(work), "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", server.stdout.readline())
            assert found is not None, "the page was not served"
            yield server, int(found[1])
        finally:
            server.kill()


def status_of(port: int, path: str, *, host: str | None = None) -> tuple[int, bytes]:
    """Ask for a path exactly as written, which a browser would tidy up first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": host} if host else {})
    response = connection.getresponse()
    return response.status, response.read()


@pytest.fixture(scope="module")
def build(verified: Build, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A copy in which the model's answers reject nothing, so that all clips are shown."""
    copy = verified.copy(tmp_path_factory.mktemp("reviewed"))
    run_builder(*copy.arguments(*PASS_ALL))
    return copy


def judge(browser: Browser, key: str) -> None:
    item = browser.evaluate(ITEM)
    browser.press(key)
    browser.wait_for(ITEM, lambda shown: shown != item)


def test_a_person_judges_clips_with_the_keyboard_through_a_reload_and_a_crash(build: Build, tmp_path: Path) -> None:
    store = DecisionStore(build.work / "review")
    with Browser(tmp_path / "profile") as browser:
        with serving(build.work) as (server, port):
            browser.open(f"http://127.0.0.1:{port}/")
            browser.wait_for("!!document.querySelector('form.name input')")
            browser.open(f"http://127.0.0.1:{port}/?{QUERY}")
            browser.wait_for(PLAYING)
            assert browser.evaluate(PROGRESS) == f"0 of {TOTAL}"
            assert browser.evaluate("document.querySelectorAll('.chip.yes, .chip.no').length") == 4
            browser.resize(390, 844)  # a phone: nothing sticks out, and a decision needs no scrolling
            browser.wait_for("document.documentElement.scrollWidth", lambda width: width == 390)
            for name in ("yes", "no", "unsure"):
                box = f"document.getElementById('judge-{name}').getBoundingClientRect()"
                assert browser.evaluate(f"{box}.bottom") <= 844
                assert browser.evaluate(f"{box}.right") <= 390
            browser.resize(1366, 768)
            browser.press(" ")
            browser.wait_for("document.getElementById('clip').paused")
            shown, labels = [], set()
            for key in "ynuyny":
                labels.add(browser.evaluate(LABEL))
                shown.append(browser.evaluate(ITEM))
                judge(browser, key)
            judge(browser, "z")
            assert browser.evaluate(ITEM) == shown[-1]
            browser.open(f"http://127.0.0.1:{port}/?{QUERY}")
            browser.wait_for(PLAYING)
            assert browser.evaluate(PROGRESS) == f"5 of {TOTAL}"
            server.send_signal(signal.SIGKILL)
            server.wait()
        with open(store.path, "ab") as file:
            file.write(b'{"annotator": "Ada", "item')  # what a kill in the middle of a line leaves
        with serving(build.work, "--blind", "--annotator", NAME) as (_, port):
            browser.open(f"http://127.0.0.1:{port}/")
            browser.wait_for(PLAYING)
            assert browser.evaluate(PROGRESS) == f"5 of {TOTAL}"
            assert browser.evaluate("document.querySelectorAll('.chip').length") == 0
            for _ in range(TOTAL - 5):
                labels.add(browser.evaluate(LABEL))
                judge(browser, "y")
            assert browser.evaluate(PROGRESS) == f"{TOTAL} of {TOTAL}"
            browser.press("z")
            browser.wait_for(PROGRESS, lambda text: text == f"{TOTAL - 1} of {TOTAL}")
            assert HOSTILE in {label.lower() for label in labels}
            assert NAME in browser.evaluate("document.querySelector('.who').textContent")
            assert browser.evaluate("typeof window.hacked") == "undefined"
            outside = [a for a in browser.addresses if not a.startswith(("http://127.0.0.1:", "data:", "about:"))]
            assert outside == []
    (standing,) = in_force(store.read()).values()
    assert len(standing) == TOTAL - 1
    assert [decision.decision for decision in standing.values()][:5] == ["yes", "no", "unsure", "yes", "no"]
    assert {decision.annotator for decision in standing.values()} == {NAME}


def test_nothing_but_the_clips_is_served_and_only_one_page_writes(build: Build, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    manifest = build.work / "verify" / "manifest.parquet"
    up = "../" * 12
    with serving(build.work) as (_, port):
        escaped = [f"{up}{secret}", f"{up}{secret}".replace("/", "%2f"), f"..%5c..{secret}", "%00", str(secret), ""]
        for path in [
            *[f"/clip/{name}" for name in escaped],
            *[f"/gradio_api/file={path}" for path in (secret, manifest, "pyproject.toml", f"{up}etc/passwd")],
            *[f"/{route}/{up}{secret}" for route in ("static", "assets", "svelte", "gradio_api/upload")],
            f"/gradio_api/proxy=file://{secret}",
        ]:
            status, content = status_of(port, path)
            assert status in {400, 403, 404, 405, 500} or b"secret" not in content, path
            assert content != b"secret", path
            assert b"PAR1" not in content[:4], path
        assert status_of(port, f"/gradio_api/file={secret}")[0] == 403
        assert status_of(port, "/", host="rebound.example")[0] == 400
        assert status_of(port, "/")[0] == 200
        second = run_builder("review", "--work", str(build.work), "--port", "0", check=False)
        assert second.returncode == 2
        assert "another review page is writing" in second.stderr


def ask(port: int, head: str, body: bytes = b"") -> int:
    """Send a request exactly as written and return the status."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n" + body)
        return int(connection.recv(64).split()[1])


def test_other_pages_names_and_ports_cannot_use_the_server(build: Build) -> None:
    with serving(build.work) as (_, port):
        own = f"127.0.0.1:{port}"
        get, post = f"GET / HTTP/1.1\nHost: {own}\n", f"POST /gradio_api/run/predict HTTP/1.1\nHost: {own}\n"
        assert ask(port, get) == 200
        assert ask(port, f"{get}Origin: http://{own}\n") == 200
        foreign = [
            "http://evil.example",
            "null",
            f"http://127.0.0.1:{port + 1}",
            f"http://localhost:{port}",
            f"https://{own}",
        ]
        for origin in foreign:
            for head in (get, post, f"OPTIONS / HTTP/1.1\nHost: {own}\n"):
                assert ask(port, f"{head}Origin: {origin}\nContent-Length: 2\n", b"{}") == 403, origin
        for site in ("cross-site", "same-site"):
            assert ask(port, f"GET /clip/x.mp4 HTTP/1.1\nHost: {own}\nSec-Fetch-Site: {site}\n") == 403
            assert ask(port, f"{get}Sec-Fetch-Site: {site}\nSec-Fetch-Mode: navigate\n") == 200
        assert ask(port, f"GET / HTTP/1.1\nHost: localhost:{port}\nOrigin: http://localhost:{port}\n") == 200
        assert ask(port, f"GET / HTTP/1.1\nHost: [::1]:{port}\n") == 200
        for host in (
            "rebound.example",
            f"rebound.example:{port}",
            "127.0.0.1.rebound.example",
            "10.0.0.1",
            "",
            "[",
            "@",
        ):
            assert ask(port, f"GET / HTTP/1.1\nHost: {host}\n") == 400, host
        upgrade = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: " + "eHh4" * 5
        assert ask(port, f"{get}{upgrade}eA==\nOrigin: http://evil.example\n") == 403


def test_bodies_are_bounded_and_the_interface_is_not_described(build: Build) -> None:
    with serving(build.work) as (_, port):
        post = f"POST /gradio_api/run/predict HTTP/1.1\nHost: 127.0.0.1:{port}\nContent-Type: application/json\n"
        assert ask(port, f"{post}Content-Length: {1 << 40}\n") == 413
        chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
        assert ask(port, f"{post}Transfer-Encoding: chunked\n", chunk * 2) == 413
        for path in (
            "/openapi.json",
            "/gradio_api/openapi.json",
            "/docs",
            "/redoc",
            "/gradio_api/info",
            "/gradio_api/upload",
        ):
            assert status_of(port, path)[0] == 404, path
            assert status_of(port, f"{path}/")[0] == 404, path
