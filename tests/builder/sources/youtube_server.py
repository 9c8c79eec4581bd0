"""A video site on loopback: it serves real clips with byte ranges, and fails in every way that sites fail."""

import contextlib
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

STATUSES = {"404": 404, "410": 410, "403": 403, "451": 451, "503": 503}
BODY_FAULTS = ("stall", "reset", "truncated")
BOT_PAGE = "<html><title>video</title><body>Sign in to confirm you\u2019re not a bot</body></html>"
OTHER_PAGE = "<html><title>Welcome</title><body>Nothing to see here.</body></html>"


@dataclass(frozen=True)
class Served:
    """One request and what was sent."""

    video_id: str
    status: int
    bytes: int
    time: float


@dataclass
class Site:
    """What the site has and how it fails.

    Attributes:
        video: returns the file of a video id.
        faults: how requests for an id fail: a key of STATUSES, one of BODY_FAULTS, `429`, `silent` (accepts and
            never answers), `bot_page`, `other_page` (HTML with status 200) or `wrong` (text called video/mp4).
        busy: so many requests are answered so before these faults heal; 429 comes with Retry-After.
        ranges: whether byte ranges are served.
    """

    video: Callable[[str], Path]
    faults: dict[str, str] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=lambda: {"429": 3, "bot_page": 4})
    ranges: bool = True
    log: list[Served] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def heal(self, *faults: str) -> None:
        """End ``faults``, or all."""
        self.faults = {id_: fault for id_, fault in self.faults.items() if faults and fault not in faults}

    def requests(self, video_id: str) -> list[Served]:
        """Return the requests for a video so far."""
        return [served for served in self.log if served.video_id == video_id]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal quiet."""

    def do_GET(self) -> None:
        """Answer."""
        site = self.site
        video_id = Path(self.path).stem
        fault = site.faults.get(video_id, "")
        with contextlib.suppress(OSError):  # the client went away
            if fault in site.busy:
                site.busy[fault] -= 1
                fault = fault if site.busy[fault] >= 0 else ""
            if fault == "429":
                self._text(429, "busy", video_id, {"Retry-After": "1"})
            elif fault in STATUSES:
                self._text(STATUSES[fault], "no", video_id)
            elif fault in ("bot_page", "other_page"):
                self._text(200, BOT_PAGE if fault == "bot_page" else OTHER_PAGE, video_id)
            elif fault == "wrong":
                self._text(200, "this is no video " * 5000, video_id, kind="video/mp4")
            elif fault == "silent":
                site.stopped.wait(20)
                self.close_connection = True
            else:
                self._file(site.video(video_id).read_bytes(), video_id, fault)

    def _text(
        self, status: int, text: str, video_id: str, headers: Mapping[str, str] | None = None, kind: str = "text/html"
    ) -> None:
        body = text.encode()
        self.site.log.append(Served(video_id, status, len(body), time.time()))
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _file(self, content: bytes, video_id: str, fault: str) -> None:
        first, last = 0, len(content) - 1
        wanted = self.headers.get("Range", "")
        partial = self.site.ranges and wanted.startswith("bytes=")
        if partial:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(last, int(end)) if end else last
        self.send_response(206 if partial else 200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(last - first + 1))
        if partial:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        if self.site.ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        # A fault strikes at one place of the file, also for who comes back for the rest.
        stop = min(last + 1, len(content) // 2) if fault in BODY_FAULTS else last + 1
        sent = 0
        try:
            for at in range(first, max(first, stop), 1 << 16):
                sent += self.connection.send(content[at : min(at + (1 << 16), stop)])
        finally:
            self.site.log.append(Served(video_id, 206 if partial else 200, sent, time.time()))
        if fault == "stall":
            self.site.stopped.wait(20)
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault in BODY_FAULTS:
            self.close_connection = True


@contextlib.contextmanager
def serve(site: Site) -> Any:
    """Serve ``site`` until the block ends; yield the template of its addresses."""
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/watch/{{youtube_id}}.mp4"
    finally:
        site.stopped.set()
        server.shutdown()
        server.server_close()


def whole_video(clip: Path, seconds: float, path: Path) -> Path:
    """Write a video that is at least ``seconds`` long by repeating a real ``clip``, streams copied."""
    repeats = ["-stream_loop", str(int(seconds // 4) + 1)]  # the shortest clip has 4.6 s
    command = ["ffmpeg", "-v", "error", "-y", *repeats, "-i", str(clip), "-c", "copy", "-t", str(seconds)]
    subprocess.run([*command, "-movflags", "+faststart", str(path)], check=True)
    return path
