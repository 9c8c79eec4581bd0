"""Serve the quiz: the page, the question that is being asked, its clip, and nothing else on this machine."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from builder.quiz.session import Item, Quiz, RefusedError, State
from builder.review.guard import Guard
from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_bytes

_FOLDER = Path(__file__).parent
_FILES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


class Given(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(strict=True, extra="forbid")

    item: str
    choice: int | None


def make_app(quiz: Quiz, media: Path, *, name: str, host: str) -> Any:
    """Return the application.

    `GET /state` returns the question that is being asked, `POST /answer` stores an answer and returns the next
    question, `GET /clip/ITEM.mp4` returns the media. No reply has an answer, a label, a condition or a clip's name.

    Args:
        quiz: the questions and answers.
        media: folder for the clips that were played; it can be deleted at any time.
        name: who is asked.
        host: address that it will be served on.
    """
    from fastapi import FastAPI, HTTPException
    from fastapi.responses import FileResponse, JSONResponse

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    for address, (file, kind) in _FILES.items():
        app.add_api_route(address, _file_route(_FOLDER / file, kind), methods=["GET"])

    @app.get("/state")
    def state() -> JSONResponse:
        return JSONResponse(to_json(quiz.show(), name))

    @app.post("/answer")
    def answer(given: Given) -> JSONResponse:
        try:
            return JSONResponse(to_json(quiz.answer(given.item, given.choice), name))
        except RefusedError as error:
            # The page shows what is asked now: another tab may have answered.
            return JSONResponse({"error": error.reason, "state": to_json(quiz.show(), name)}, error.status)

    @app.get("/clip/{file}")
    def clip(file: str) -> FileResponse:
        # The name is only looked up: no part of the address ever becomes a path.
        item = quiz.by_id.get(file.removesuffix(".mp4"))
        if item is None:
            raise HTTPException(404, "no such clip")
        try:
            return FileResponse(_muxed(item, media), media_type="video/mp4")
        except MMABenchError as error:
            say(f"clip {item.item_id}: {error}")  # it names the stimulus, which the person must not see
            raise HTTPException(500, "this clip cannot be read") from error

    @app.middleware("http")
    async def with_policy(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    app.add_middleware(Guard, host=host)  # the last one added is called first
    return app


def to_json(state: State, name: str) -> dict[str, Any]:
    """Return what the page is told."""
    item = state.item
    shown = None
    if item is not None:
        shown = {"id": item.item_id, "prompt": item.question.prompt, "options": list(item.question.options)}
    return {"name": name, "done": state.done, "total": state.total, "item": shown}


def _file_route(path: Path, kind: str) -> Any:
    from fastapi.responses import FileResponse

    def route() -> FileResponse:
        return FileResponse(path, media_type=kind)

    return route


def _muxed(item: Item, folder: Path) -> Path:
    path = folder / f"{item.item_id}.mp4"
    if not path.is_file():
        write_bytes(path, item.sample.media.mp4())
    return path
