"""Serve the review page, and nothing else on this machine."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builder.manifest_file import read_manifest
from builder.review.guard import Guard
from builder.review.items import make_items
from builder.review.media import ReviewMedia
from builder.review.page import make_page, script, style
from builder.review.session import ReviewSession
from builder.review.store import DecisionStore
from builder.work_folder import manifest_before
from mma_bench.errors import MMABenchError

# Only our own address: Gradio needs inline scripts, styles and eval, but nothing from outside.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'self'"
)


def open_review(work: Path, *, blind: bool, attention: float, seed: int) -> ReviewSession:
    """Return the review of the clips that the stage before `review` kept, `verify` in most builds.

    Raises:
        MMABenchError: there is no such stage, it kept nothing, or another page is open on the same folder.
    """
    manifest = manifest_before(work, "review")
    if manifest is None or not manifest.is_file():
        raise MMABenchError(f"{work} has no clips to review; run `python -m builder run --work {work} ...` first")
    items = make_items(read_manifest(manifest, kept_only=True), attention=attention, seed=seed)
    if not items:
        raise MMABenchError(
            f"the stage `{manifest.parent.name}` kept no clip; see `python -m builder status --work {work}`"
        )
    store = DecisionStore(work / "review")
    store.open_alone()
    return ReviewSession(items, store, seed=seed, blind=blind)


def make_app(session: ReviewSession, media: ReviewMedia, *, annotator: str, host: str) -> Any:
    """Return the application: the page at `/`, clips at `/clip/{item}.mp4` by the review's own list of items.

    Args:
        session: the review.
        media: the clips.
        annotator: whose decisions these are; empty to ask for a name.
        host: address that it will be served on.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio as gr
    from fastapi import FastAPI, HTTPException
    from fastapi.responses import FileResponse

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/clip/{name}")
    def clip(name: str) -> FileResponse:
        # The name is only looked up: no part of the address ever becomes a path.
        item = session.by_id.get(name.removesuffix(".mp4"))
        if item is None:
            raise HTTPException(404, "no such clip")
        try:
            return FileResponse(media.file(item), media_type="video/mp4")
        except MMABenchError as error:
            raise HTTPException(500, str(error)) from error

    @app.middleware("http")
    async def with_policy(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    app.add_middleware(Guard, host=host)  # the last one added is called first
    return gr.mount_gradio_app(
        app,
        make_page(session, annotator),
        path="/",
        css=style(),
        head=script(),
        footer_links=[],
        ssr_mode=False,
        show_error=True,
        max_file_size=1,
    )


def serve(app: Any, bound: socket.socket) -> None:
    """Serve ``app`` on a bound socket until it is interrupted."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[bound])


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket on an address that is free; port 0 is any.

    Raises:
        MMABenchError: the address is in use or does not belong to this machine.
    """
    try:
        bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise MMABenchError(f"cannot serve on {host}:{port}: {error.strerror}; choose another --port") from error
    with bound:
        yield bound
