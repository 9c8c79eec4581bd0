"""Media that a server fetches by URL or reads from a shared disk, for servers that accept no data in a request."""

import secrets
import shutil
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self

from mma_bench.errors import MMABenchError
from mma_bench.models.endpoint.part import Part

_SUFFIXES = {"video/mp4": ".mp4", "audio/wav": ".wav", "audio/flac": ".flac", "image/jpeg": ".jpg"}


class MediaHost:
    """A folder of files that exist only while their questions are asked and, with ``url``, a web server for them.

    Each file has a random name, which only the recipient of a request knows, and is deleted after its questions.

    Args:
        transfer: ``inline`` hosts nothing; ``path`` and ``file`` refer to a file as a path or a file URL; ``url``
            serves it over HTTP.
        folder: an existing folder that the server can read; by default a temporary one.
        address: of this machine, for ``url``: where the web server listens, and the host in the URLs.
    """

    def __init__(self, transfer: Literal["inline", "url", "path", "file"], folder: str | None, address: str) -> None:
        self._transfer = transfer
        self._parent = folder
        self._address = address
        self._server: _Server | None = None
        self._folder: Path | None = None

    @property
    def is_open(self) -> bool:
        """Whether media are hosted."""
        return self._folder is not None

    def __enter__(self) -> Self:
        """Make the folder and start the web server.

        Raises:
            MMABenchError: there is no such folder, or the address does not belong to this machine.
        """
        if self._transfer == "inline":
            return self
        try:
            # Resolved: the server may have a different working folder.
            self._folder = Path(tempfile.mkdtemp(prefix="mma-bench-media-", dir=self._parent)).resolve()
            self._folder.chmod(0o755)  # the server may run as another user; file names cannot be guessed
        except OSError as error:
            raise MMABenchError(
                f"media_folder {self._parent}: {error.strerror}; name an existing folder that the server can read"
            ) from error
        if self._transfer == "url":
            try:
                self._server = _Server(self._address, self._folder)
            except OSError as error:
                shutil.rmtree(self._folder, ignore_errors=True)
                raise MMABenchError(
                    f"media_host {self._address}: {error.strerror}; name an address of this machine"
                ) from error
            threading.Thread(target=self._server.serve_forever, name="media", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the web server and delete all files."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._server = self._folder = None

    def put(self, part: Part) -> tuple[Path, str]:
        """Write ``part`` to a file; return it, and the reference for the server.

        Raises:
            MMABenchError: the file cannot be written.
        """
        if self._folder is None:
            raise MMABenchError("media are hosted only while requests are made")
        path = self._folder / f"{secrets.token_hex(16)}{_SUFFIXES.get(part.mime, '.bin')}"
        try:
            path.write_bytes(part.data)
        except OSError as error:
            raise MMABenchError(f"{path.parent}: {error.strerror}; free the disk or set media_folder") from error
        if self._server:
            return path, f"http://{self._address}:{self._server.server_address[1]}/{path.name}"
        return path, path.as_uri() if self._transfer == "file" else str(path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, folder: Path) -> None:
        super().__init__((address, 0), _Handler)
        self.folder = folder

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore disconnected clients."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal quiet."""

    def do_HEAD(self) -> None:
        """Tell the size of a file."""
        self._send(with_body=False)

    def do_GET(self) -> None:
        """Send a file."""
        self._send(with_body=True)

    def _send(self, *, with_body: bool) -> None:
        name = self.path.removeprefix("/")
        path = self.server.folder / name
        # Only names that we created: no folders, no links, no parent folders.
        if "/" in name or name.startswith(".") or not path.is_file() or path.is_symlink():
            self.send_error(404)
            return
        mime = next((mime for mime, suffix in _SUFFIXES.items() if suffix == path.suffix), "application/octet-stream")
        with open(path, "rb") as file:
            self.send_response(200)
            self.send_header("Content-Type", mime)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            if with_body:
                shutil.copyfileobj(file, self.wfile)
