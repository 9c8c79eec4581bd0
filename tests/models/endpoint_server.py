"""A model server on loopback: speaks both protocols, answers with the cascade from what it gets, fails on request."""

import argparse
import base64
import contextlib
import hashlib
import io
import json
import re
import socket
import struct
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from mma_bench.dataset.media import Media
from mma_bench.models.baselines import ABSTENTION
from mma_bench.models.cascade import AudioEvidence, CascadeScorer, VisualEvidence
from tests.models.endpoint_behaviour import Behaviour, Received, Seen, Thinking
from tests.models.endpoint_replies import gemini_reply, openai_reply, refusal, shaped, streamed

QUESTION = re.compile(r"Which class best describes the (visual|audio) content of this video\? Options: (.+?)\. Answer")
TOKENS_A_FRAME, TOKENS_A_SECOND = 64, 25


class Brain:
    """The cascade over files as they come, each perceived once."""

    def __init__(self) -> None:
        self._scorer = CascadeScorer()
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}

    def answer(self, prompt: str, media: Received) -> tuple[str, dict[str, float]]:
        """Return the best option and the log-probability of each."""
        match = QUESTION.search(prompt)
        if match is None:
            return "I do not know what you ask.", {}
        options = match[2].split(", ")
        with self._lock:  # the scorer is not made for several threads
            evidence = self._see(media) if match[1] == "visual" else self._hear(media)
            if evidence.is_empty:
                return ABSTENTION, {}
            scores = self._scorer.score(evidence, options)
        return max(scores, key=lambda option: scores[option]), scores

    def _see(self, media: Received) -> VisualEvidence:
        files = media.videos + media.pictures
        key = hashlib.sha256(b"see" + b"".join(files)).hexdigest()
        if key not in self._known:
            frames = video_frames(media.videos[0]) if media.videos else picture_frames(media.pictures)
            self._known[key] = self._scorer.see(frames)
        return self._known[key]

    def _hear(self, media: Received) -> AudioEvidence:
        sounds = media.sounds or ([] if media.deaf else media.videos)  # a muxed file brings its own
        key = hashlib.sha256(b"hear" + b"".join(sounds)).hexdigest()
        if key not in self._known:
            self._known[key] = self._scorer.hear(waveform(sounds[0] if sounds else b""))
        return self._known[key]


def video_frames(content: bytes) -> NDArray[np.uint8]:
    with av.open(io.BytesIO(content)) as container:
        seconds = float(container.duration or 0) / av.time_base
    return Media("sent", lambda: content, lambda: b"", seconds).frames(1.0)


def picture_frames(pictures: list[bytes]) -> NDArray[np.uint8]:
    from PIL import Image

    shown = [np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")) for picture in pictures]
    return np.stack(shown) if shown else np.zeros((0, 8, 8, 3), np.uint8)


def waveform(content: bytes) -> NDArray[np.float32]:
    if not content:
        return np.zeros(0, np.float32)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=16000)
    with av.open(io.BytesIO(content)) as container:
        if not container.streams.audio:
            return np.zeros(0, np.float32)
        blocks = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([part.to_ndarray().reshape(-1) for part in [*blocks, *resampler.resample(None)]])


def fetched(place: str) -> bytes:
    """Return media sent as a data URL, as plain Base64, or by reference, as servers take them."""
    if place.startswith(("http:", "file:")):
        with urllib.request.urlopen(place) as response:
            return bytes(response.read())
    if place.startswith("/") and Path(place).is_file():
        return Path(place).read_bytes()
    return base64.b64decode(place.rpartition(",")[2])


def count_tokens(prompt: str, media: Received) -> int:
    """Return a count that grows with what was sent, as those of real servers do."""
    tokens = len(prompt.split()) + TOKENS_A_FRAME * len(media.pictures)
    for content in media.videos + media.sounds:
        with av.open(io.BytesIO(content)) as container:
            seconds = float(container.duration or 0) / av.time_base
            tokens += TOKENS_A_FRAME * round(2 * seconds) if container.streams.video else 0
            if container.streams.audio and not media.deaf:
                stream = container.streams.audio[0]  # in a muxed file, it may be shorter than the video
                heard = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else seconds
                tokens += round(TOKENS_A_SECOND * heard)
    return tokens


class EndpointServer(ThreadingHTTPServer):
    """The server; `seen` holds the requests for answers."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.seen: list[Seen] = []
        self.files: dict[str, bytes] = {}
        self.deleted: list[str] = []
        self.errors: list[BaseException | None] = []
        self.answered = 0
        self.stopped = threading.Event()
        self.slots = threading.Semaphore(behaviour.slots)
        self.openai = f"openai:cascade@http://127.0.0.1:{self.server_address[1]}/v1"
        self.gemini = f"gemini:cascade@http://127.0.0.1:{self.server_address[1]}"
        self.brain: Thinking = Brain()
        self.place = f"http://127.0.0.1:{self.server_address[1]}"

    def reset(self) -> None:
        """Behave well again and forget the requests."""
        self.behaviour = Behaviour()
        self.seen.clear()
        self.answered = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep errors of our own, which end the test; that a client went away is none."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            self.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: EndpointServer

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal quiet."""

    def do_POST(self) -> None:
        """Answer, or fail."""
        length = int(self.headers["Content-Length"] or 0)
        content = self.rfile.read(length)
        if len(content) < length:  # the client was killed while it sent
            self.close_connection = True
            return
        behaviour = self.server.behaviour
        sent = self.headers.get("Authorization", "").removeprefix("Bearer ") or self.headers.get("x-goog-api-key", "")
        with contextlib.suppress(ConnectionError):  # the client went away
            if behaviour.key is not None and sent != behaviour.key:
                self._json({"error": {"message": f"wrong key {sent}", "code": 401, "status": "NO"}}, 401)
            elif self.path.startswith("/upload/"):
                self._upload(content)
            elif behaviour.is_blind and self.path.endswith("/chat/completions"):
                self._constant(behaviour)
            else:
                self._question(json.loads(content))

    def do_GET(self) -> None:
        """Tell the models, which proxies ask for, or the state of an uploaded file, which is processed at first."""
        if self.path.endswith("/models"):
            self._json({"object": "list", "data": [{"id": "cascade", "object": "model"}]})
            return
        self._json(self._file(self.path.rsplit("/", 1)[-1], "ACTIVE"))

    def do_DELETE(self) -> None:
        """Delete an uploaded file."""
        self.server.deleted.append(self.path.rsplit("/", 1)[-1])
        self._json({})

    def _question(self, body: dict[str, Any]) -> None:
        behaviour = self.server.behaviour
        is_gemini = "contents" in body
        media, parts, prompt = (self._read_gemini if is_gemini else self._read_openai)(body)
        fault = behaviour.faults.popleft() if behaviour.faults else behaviour.always
        self.server.seen.append(Seen(parts, prompt, body, fault, time.monotonic()))
        with self.server.slots:
            if behaviour.delay:
                self.server.stopped.wait(behaviour.delay)
            if fault and self._fail(fault, is_gemini):
                return
            if refused := refusal(behaviour, body):
                self._json({"error": {"message": refused[1]}}, refused[0])
                return
            media = Received(
                behaviour.drop_audio,
                [] if behaviour.drop_video else media.pictures,
                [] if behaviour.drop_video else media.videos,
                [] if behaviour.drop_audio else media.sounds,
            )
            media = behaviour.tamper(media) if behaviour.tamper else media
            text, scores = (behaviour.constant, {}) if behaviour.constant else self.server.brain.answer(prompt, media)
            text = behaviour.retort(prompt, text) if behaviour.retort else text
            tokens = count_tokens(prompt, media) if behaviour.counts else None
            tokens = behaviour.recount(tokens) if behaviour.recount and tokens else tokens
            reply = (gemini_reply if is_gemini else openai_reply)(text, scores, tokens, body)
            reply = shaped(reply, behaviour, body, is_gemini=is_gemini)
            if body.get("stream"):
                self._raw(streamed(reply), "text/event-stream")
            else:
                self._json(reply)
            self.server.answered += 1

    def _constant(self, behaviour: Behaviour) -> None:
        """Answer without a look at the request: its JSON would cost the server more than the client."""
        with self.server.slots:
            self.server.stopped.wait(behaviour.delay)
            self._json(openai_reply(behaviour.constant or "", {}, None, {}))

    def _read_openai(self, body: dict[str, Any]) -> tuple[Received, list[tuple[str, int]], str]:
        media, parts, prompt = Received(), [], ""
        for part in body["messages"][0]["content"]:
            kind = part["type"]
            if kind == "text":
                prompt = part["text"]
                continue
            sound = kind == "input_audio"
            place = part[kind]["data"] if sound else part[kind]["url"]
            data = b"" if self.server.behaviour.is_blind else fetched(place)
            lists = {"input": media.sounds, "audio": media.sounds, "video": media.videos, "image": media.pictures}
            lists[kind.partition("_")[0]].append(data)
            parts.append((kind, len(data)))
        return media, parts, prompt

    def _read_gemini(self, body: dict[str, Any]) -> tuple[Received, list[tuple[str, int]], str]:
        media, parts, prompt = Received(), [], ""
        for part in body["contents"][0]["parts"]:
            if "text" in part:
                prompt = part["text"]
                continue
            blob = part.get("inlineData") or part["fileData"]
            if "data" in blob:
                data = base64.urlsafe_b64decode(blob["data"])
            else:
                data = self.server.files[blob["file_uri"].rsplit("/", 1)[-1]]
            kind = blob["mime_type"].partition("/")[0]
            {"audio": media.sounds, "video": media.videos, "image": media.pictures}[kind].append(data)
            parts.append((kind if "data" in blob else f"{kind} file", len(data)))
        return media, parts, prompt

    def _upload(self, content: bytes) -> None:
        if "start" in self.headers.get("X-Goog-Upload-Command", ""):
            self._json({}, headers={"X-Goog-Upload-URL": f"{self.server.place}/upload/there"})
            return
        name = f"f{len(self.server.files)}"
        self.server.files[name] = content
        headers = {"X-Goog-Upload-Status": "final"}
        self._json({"file": self._file(name, "PROCESSING")}, headers=headers)

    def _file(self, name: str, state: str) -> dict[str, Any]:
        data = self.server.files[name]
        mime = "video/mp4" if data[4:8] == b"ftyp" else "audio/flac"
        return {
            "name": f"files/{name}",
            "uri": f"{self.server.place}/v1beta/files/{name}",
            "mimeType": mime,
            "state": state,
        }

    def _fail(self, fault: str, is_gemini: bool) -> bool:
        """Fail as told; return False to go on as if nothing were."""
        words = self.server.behaviour.words
        usual = (gemini_reply if is_gemini else openai_reply)("Dog", {}, 7, {})
        if fault in ("429", "429 long"):
            self._json({"error": {"message": "busy"}}, 429, {"Retry-After": "1" if fault == "429" else "90000"})
        elif fault == "quota":
            self._json({"error": {"message": "no money", "code": "insufficient_quota"}}, 429)
        elif fault == "filter":
            self._json({"error": {"message": "filtered", "code": "content_filter"}}, 400)
        elif fault in ("400", "500", "503"):
            self._json({"error": {"message": words, "code": int(fault)}}, int(fault))
        elif fault == "413":
            self._raw(b"<html><h1>413 Request Entity Too Large</h1> nginx", "text/html", 413)
        elif fault == "422":
            self._json(
                {"detail": [{"loc": ["body", "messages"], "msg": f"no video here {words}", "type": "value_error"}]}, 422
            )
        elif fault == "307":
            self._json(
                {"detail": f"moved to the other house {words}"}, 307, {"Location": "https://elsewhere.example/v1"}
            )
        elif fault in ("cut", "reset"):
            self._cut(json.dumps(usual).encode(), reset=fault == "reset")
        elif fault == "malformed":
            self._raw(json.dumps(usual).encode()[:-9], "application/json")
        elif fault == "html":
            self._raw(f"<html>Welcome to the proxy {words}</html>".encode(), "text/html")
        elif fault == "list":
            self._json([1, {"choices": 3}])
        elif fault == "no choices":
            self._json({"choices": [], "candidates": []})
        elif fault == "null":
            self._json({"choices": [{"message": {"content": None}}], "promptFeedback": {"blockReason": "SAFETY"}})
        elif fault == "refusal":
            self._json({"choices": [{"message": {"content": None, "refusal": "I cannot help with that."}}]})
        elif fault == "huge":
            self._raw(json.dumps(usual).encode() + b" " * (9 << 20), "application/json")
        elif fault == "hang":
            self.server.stopped.wait(60)
            self.close_connection = True
        else:
            raise ValueError(fault)
        return True

    def _cut(self, body: bytes, *, reset: bool) -> None:
        """Send half of a body and close the connection, with RST if ``reset``."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._raw(json.dumps(value).encode(), "application/json", status, headers)

    def _raw(self, body: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        if self.server.behaviour.key is not None:
            self.send_header(
                "X-You-Sent", self.headers.get("Authorization") or self.headers.get("x-goog-api-key") or ""
            )
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def serve(behaviour: Behaviour | None = None) -> Iterator[EndpointServer]:
    """Serve until the block ends."""
    server = EndpointServer(behaviour or Behaviour())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
    if server.errors:
        raise AssertionError("the test server is wrong") from server.errors[0]


def main() -> None:
    """Serve in a process of its own; print the address."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0, help="seconds a request takes")
    parser.add_argument("--slots", type=int, default=256, help="requests served at once")
    parser.add_argument("--constant", help="answer this, whatever is sent")
    arguments = parser.parse_args()
    behaviour = Behaviour(delay=arguments.delay, slots=arguments.slots, constant=arguments.constant)
    behaviour.counts = arguments.constant is None
    with serve(behaviour) as server:
        print(server.place, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
