"""Gemini, or a server with the same protocol, through google-genai."""

import asyncio
import contextlib
import io
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from mma_bench.errors import MMABenchError
from mma_bench.extras import needs
from mma_bench.models.endpoint import EndpointModel, EndpointSettings, Part, Reply, Request, TemporaryError
from mma_bench.models.endpoint.address import Address, find_key, parse_address
from mma_bench.models.endpoint.advice import connection_advice, media_advice, refuse_wrong_scheme
from mma_bench.models.endpoint.http_client import http_client
from mma_bench.models.endpoint.openai_endpoint import score_options
from mma_bench.models.endpoint.patience import Patience, ServerError, is_temporary, retry_after
from mma_bench.models.endpoint.settings import VARIABLE, read_settings

if TYPE_CHECKING:
    from google.genai import errors, types
    from google.genai.client import AsyncClient

DEFAULT_URL = "https://generativelanguage.googleapis.com"

_KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

LARGEST_INLINE = 20_000_000
"""The service's limit for one request, in bytes."""

_RELEASE_SECONDS = 5.0
_POLL_SECONDS = 1.0


class GeminiSettings(EndpointSettings):
    """Options of Gemini."""

    audio_format: Literal["wav", "flac"] = "flac"
    # Its larger models always reason, and these tokens count: 256 tokens would often end before the first word.
    max_tokens: int | None = Field(4096, ge=1)
    key_variable: str = Field(_KEY_VARIABLES[0], pattern=VARIABLE)
    transfer: Literal["inline", "upload"] = Field(
        "inline", description="media in each request, or uploaded once as files"
    )
    thinking_budget: int | None = Field(None, ge=-1, description="tokens for reasoning; none leaves it to the model")


class GeminiModel(EndpointModel):
    """A model behind `generateContent`."""

    settings: GeminiSettings

    @classmethod
    def make(cls, rest: str, options: Mapping[str, str]) -> EndpointModel:
        """Return the model `gemini:REST`."""
        return make_gemini(rest, options)

    def __init__(self, address: Address, settings: GeminiSettings) -> None:
        is_chosen = "key_variable" in settings.model_fields_set
        variables = (settings.key_variable,) if is_chosen else _KEY_VARIABLES
        self._key = find_key(address, variables, is_chosen=is_chosen)
        super().__init__("gemini", address, settings, self._key)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator["AsyncClient"]:
        from google.genai import Client, types

        async with http_client(
            concurrency=self.settings.concurrency,
            timeout=self.settings.timeout,
            repaired=True,
            sent=self._count_request,
        ) as client:
            options = types.HttpOptions(
                base_url=self.address.url,
                timeout=math.ceil(1000 * self.settings.timeout),
                httpx_async_client=client,
                retry_options=types.HttpRetryOptions(attempts=1),  # `Patience` retries
            )
            yield Client(vertexai=False, api_key=self._key or "none", http_options=options).aio

    def _encode(self, parts: Sequence[Part]) -> Sequence[Part]:
        size = sum(len(part.data) for part in parts if self.settings.transfer == "inline" or part.kind == "image")
        if size * 4 / 3 > LARGEST_INLINE:
            raise MMABenchError(
                f"{self.name}: the media of one stimulus take {size} bytes, more than fit a request; use transfer="
                "upload, or a smaller size with media=frames"
            )
        return parts

    async def _load(
        self, client: "AsyncClient", encoded: Sequence[Part], patience: Patience
    ) -> list["types.Part | types.File"]:
        from google.genai import types

        loaded: list[types.Part | types.File] = []
        try:
            for part in encoded:
                if self.settings.transfer == "upload" and part.kind != "image":
                    loaded.append(await self._upload(client, part, patience))
                else:
                    loaded.append(types.Part.from_bytes(data=part.data, mime_type=part.mime))
        except BaseException:
            await self._release(client, loaded)
            raise
        return loaded

    async def _upload(self, client: "AsyncClient", part: Part, patience: Patience) -> "types.File":
        from google.genai import types

        async def upload() -> types.File:
            with self._failures():
                return await client.files.upload(
                    file=io.BytesIO(part.data), config=types.UploadFileConfig(mime_type=part.mime)
                )

        async def look(name: str) -> types.File:
            with self._failures():
                return await client.files.get(name=name)

        file = await patience.run(upload)
        name = file.name
        if not name:
            raise MMABenchError(f"{self.name}: an uploaded file got no name; use transfer=inline")
        deadline = asyncio.get_running_loop().time() + self.settings.timeout
        while file.state is types.FileState.PROCESSING and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            file = await patience.run(lambda: look(name))
        if file.state is not types.FileState.ACTIVE:
            raise MMABenchError(f"{self.name}: an uploaded {part.mime} is {file.state}; use transfer=inline")
        return file

    async def _release(self, client: "AsyncClient", media: Sequence["types.Part | types.File"]) -> None:
        from google.genai import types

        for file in media:
            if isinstance(file, types.File) and file.name:
                # The service deletes it after two days anyway, so neither a failure nor a slow reply matters.
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(_RELEASE_SECONDS):
                        await client.files.delete(name=file.name)

    async def _ask(self, client: "AsyncClient", request: Request) -> Reply:
        prompt, first = request.question.prompt, self.settings.layout == "question-first"
        with self._failures():
            response = await client.models.generate_content(
                model=self.address.model,
                contents=[prompt, *request.media] if first else [*request.media, prompt],
                config=self._config(request.max_tokens),
            )
            return _read(response, request.question.options)

    def _config(self, longest: int | None) -> "types.GenerateContentConfig":
        from google.genai import types

        settings = self.settings
        budget = settings.thinking_budget
        return types.GenerateContentConfig(
            temperature=settings.temperature,
            seed=self.seed,
            max_output_tokens=longest,
            response_logprobs=True if settings.logprobs else None,
            logprobs=settings.logprobs or None,
            thinking_config=None if budget is None else types.ThinkingConfig(thinking_budget=budget),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )

    @contextlib.contextmanager
    def _failures(self) -> Any:
        """Turn the library's exceptions into ours."""
        import httpx2
        from google.genai import errors

        try:
            yield
        except errors.APIError as error:
            said = self._quoted(error.message or error.details)
            has_media = self.settings.media != "none"
            advice = media_advice(error.code, has_media=has_media, settings=self.settings)
            if is_temporary(error.code):
                raise TemporaryError(
                    f"HTTP {error.code} ({said})",
                    _asked_to_wait(error),
                    status=error.code,
                    recurring=str(error).encode("utf-8", errors="replace") if error.code == 500 else None,
                    advice=advice,
                ) from error
            if 300 <= error.code < 400:
                place = self._quoted(getattr(error.response, "headers", {}).get("location") or "another place")
                raise ServerError(
                    f"{self.name} redirects to {place} with HTTP {error.code}: {said}; use that URL", error.code
                ) from error
            raise ServerError(
                f"{self.name} refused a request with HTTP {error.code}: {said}{advice}", error.code
            ) from error
        except httpx2.InvalidURL as error:
            raise MMABenchError(f"{self.name}: {self._quoted(error)}") from error
        except httpx2.HTTPError as error:
            said = f"{type(error).__name__} {self._quoted(error)}"
            refuse_wrong_scheme(self.name, self.address.url, said)
            raise TemporaryError(said, advice=connection_advice(self.address.url, said)) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # raised by the library for a garbled reply
            raise TemporaryError(f"a malformed reply ({self._quoted(error, 200)})") from error


def make_gemini(rest: str, options: Mapping[str, str]) -> EndpointModel:
    """Return the model `gemini:REST`.

    Raises:
        MMABenchError: the name, the URL, an option or the key is invalid, or a package is missing.
    """
    with needs("gemini", "endpoints"):
        import httpx2  # noqa: F401
        import tenacity  # noqa: F401
        from google import genai  # noqa: F401
    return GeminiModel(parse_address("gemini", rest, DEFAULT_URL), read_settings(GeminiSettings, "gemini", options))


def _read(response: "types.GenerateContentResponse", options: Sequence[str]) -> Reply:
    usage = response.usage_metadata
    tokens = usage.prompt_token_count if usage else None
    version = response.model_version
    if not response.candidates:
        if response.prompt_feedback and response.prompt_feedback.block_reason:
            # a blocked question is a refusal, not a failure
            return Reply("", input_tokens=tokens, finish_reason="content_filter", served_by=version)
        raise TemporaryError("a malformed reply (no candidates)")
    candidate = response.candidates[0]
    parts = (candidate.content.parts if candidate.content else None) or []
    text = "".join(part.text for part in parts if part.text and not part.thought)
    thoughts = "".join(part.text for part in parts if part.text and part.thought)
    tops = candidate.logprobs_result.top_candidates if candidate.logprobs_result else None
    first = (tops[0].candidates if tops else None) or []
    seen = {s.token: s.log_probability for s in first if s.token and s.log_probability is not None}
    written = (usage.candidates_token_count, usage.thoughts_token_count) if usage else (None, None)
    return Reply(
        text,
        score_options(seen, options),
        input_tokens=tokens,
        output_tokens=None if written[0] is None else written[0] + (written[1] or 0),
        finish_reason=_finish_reason(candidate),
        served_by=version,
        reasoning=thoughts or None,
        reasoned=bool(written[1]),
    )


def _finish_reason(candidate: "types.Candidate") -> str | None:
    """Return why the answer ended, with the value of chat completions if there is one."""
    if candidate.finish_reason is None:
        return None
    return {"STOP": "stop", "MAX_TOKENS": "length"}.get(candidate.finish_reason.name, candidate.finish_reason.name)


def _asked_to_wait(error: "errors.APIError") -> float | None:
    """Return the seconds to wait according to the header or the body of a rejection."""
    headers = getattr(error.response, "headers", None) or {}
    if (seconds := retry_after(headers.get("retry-after"))) is not None:
        return seconds
    details = error.details.get("error", {}) if isinstance(error.details, dict) else {}
    for detail in details.get("details") or [] if isinstance(details, dict) else []:
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str):
            return retry_after(delay.removesuffix("s"))
    return None
