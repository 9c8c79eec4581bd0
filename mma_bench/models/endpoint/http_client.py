"""The HTTP client of both protocols, with a limit on the memory that a server can make us use."""

import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from mma_bench.models.endpoint.patience import TemporaryError

if TYPE_CHECKING:
    import httpx2

LARGEST_REPLY = 8 * 2**20
"""Bytes; an answer is a few words, and 20 log-probabilities per token take at most a few megabytes."""

_HALF = r"\\u[dD][{}][0-9a-fA-F]{{2}}"
_ESCAPES = re.compile(f"{_HALF.format('89abAB')}{_HALF.format('c-fC-F')}|({_HALF.format('89a-fA-F')})|\\\\.", re.DOTALL)
"""Escapes of JSON, from left to right: a surrogate pair, a lone half of one (in the group), any other."""


def without_lone_surrogates(body: bytes) -> bytes:
    """Return JSON that strict parsers read: lone surrogates and bytes that are not UTF-8 become U+FFFD."""
    text = body.decode("utf-8", errors="replace")
    return _ESCAPES.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], text).encode("utf-8")


def http_client(
    *, concurrency: int, timeout: float, repaired: bool = False, sent: Callable[[int], None] | None = None
) -> "httpx2.AsyncClient":
    """Return a client for ``concurrency`` connections that stay open.

    Args:
        concurrency: number of connections.
        timeout: seconds.
        repaired: pass replies through `without_lone_surrogates`, for a library whose parser rejects them.
        sent: is called before each request with the size of its body in bytes.
    """
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            received, kept = 0, []
            async for block in self._stream:
                received += len(block)
                if received > LARGEST_REPLY:
                    raise TemporaryError(f"a reply of more than {LARGEST_REPLY} bytes")
                if repaired:
                    kept.append(block)
                else:
                    yield block
            if kept:
                yield without_lone_surrogates(b"".join(kept))

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def bound(response: httpx2.Response) -> None:
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):  # it was not requested, and could grow a thousandfold after the limit
            raise TemporaryError(f"a reply compressed with {coding[:40]!r}, which was not asked for")
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Bounded(response.stream)

    async def count(request: httpx2.Request) -> None:
        if sent:
            size = request.headers.get("content-length", "")
            sent(int(size) if size.isdigit() else 0)

    return httpx2.AsyncClient(
        # Compressed replies could grow a thousandfold after the limit.
        headers={"Accept-Encoding": "identity"},
        limits=httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        timeout=timeout,
        event_hooks={"request": [count], "response": [bound]},
    )
