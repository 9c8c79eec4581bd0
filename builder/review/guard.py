"""Who may use the review page: the browser tab that shows it, and nobody via another page or host name."""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

MAX_BODY_BYTES = 64 << 10
"""A decision takes 300 bytes. The page uploads nothing."""

_NOT_SERVED = ("/openapi.json", "/docs", "/redoc", "/monitoring", "/login", "/logout")
_NOT_SERVED_OF_GRADIO = ("upload", "info", "openapi.json", "docs", "redoc", "deep_link", "mcp", "proxy=")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Guard:
    """ASGI middleware that answers requests that the page does not need, before any other code sees them.

    - The name in `Host` must be this machine's: a foreign name that resolves to it (DNS rebinding) is rejected.
    - `Origin`, which browsers send with every request that can change something, must be the page's own, including the
      port, so pages from other ports of this machine are foreign too. Without it, `Sec-Fetch-Site` must not name
      another site, except to open the page by a link.
    - Bodies are read up to `MAX_BODY_BYTES`.

    Args:
        app: what to protect.
        host: address that the server listens on.
    """

    def __init__(self, app: Any, *, host: str) -> None:
        self._app = app
        names = {host.lower().strip("[]"), "localhost"}
        self._loopback = is_loopback(host)
        self._names = names if self._loopback else names | {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is None and scope["type"] == "http":
            receive, refusal = await _bounded(receive, headers)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _answer(send, *refusal)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        if not self._is_ours(headers.get("host", "")):
            return 400, "this server is not called so"
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if origin is not None and origin.lower() != f"http://{headers['host'].lower()}":
            return 403, "another page may not use this server"
        opens = (headers.get("sec-fetch-mode"), scope.get("method"), scope["path"]) == ("navigate", "GET", "/")
        if origin is None and site in ("cross-site", "same-site") and not opens:
            return 403, "another page may not use this server"
        path = "/" + scope["path"].lower().strip("/")
        inner = path.removeprefix("/gradio_api/")
        if any(path == each or path.startswith(f"{each}/") for each in _NOT_SERVED) or (
            inner != path and inner.startswith(_NOT_SERVED_OF_GRADIO)
        ):
            return 404, "not served here"
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._loopback  # an IP address cannot be rebound


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _bounded(receive: Receive, headers: dict[str, str]) -> tuple[Receive, tuple[int, str] | None]:
    """Read the body; return a replacement for the receiver, or the reason for rejecting it."""
    too_large = 413, f"more than {MAX_BODY_BYTES} bytes"
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or len(length) > 20:
        return receive, (400, "wrong Content-Length")
    if int(length) > MAX_BODY_BYTES:
        return receive, too_large
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            return receive, too_large
        if message["type"] != "http.request" or not message.get("more_body", False):
            break
    kept = iter(messages)

    async def again() -> Message:
        message = next(kept, None)
        return await receive() if message is None else message

    return again, None


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
