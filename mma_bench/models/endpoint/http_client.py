"""The HTTP client under both protocols, with a bound on what a server can make us hold in memory."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from mma_bench.models.endpoint.patience import TemporaryError

if TYPE_CHECKING:
    import httpx2

LARGEST_REPLY = 8 * 2**20
"""Bytes; an answer is a few words, and 20 log-probabilities a token are a few megabytes at most."""


def http_client(*, concurrency: int, timeout: float) -> "httpx2.AsyncClient":
    """Return a client for ``concurrency`` connections that stay open; ``timeout`` is in seconds."""
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            received = 0
            async for block in self._stream:
                received += len(block)
                if received > LARGEST_REPLY:
                    raise TemporaryError(f"a reply of more than {LARGEST_REPLY} bytes")
                yield block

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def bound(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = Bounded(response.stream)

    return httpx2.AsyncClient(
        # Compressed replies could grow a thousandfold behind the bound.
        headers={"Accept-Encoding": "identity"},
        limits=httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        timeout=timeout,
        event_hooks={"response": [bound]},
    )
