"""Any server with OpenAI's chat completions: vLLM, SGLang, hosted services.

The silent video (`video_url`) and the audio (`input_audio`) are sent as separate parts: servers that had to extract the
audio from the video have silently dropped it.
"""

import json
import math
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, Json, ValidationError, field_validator, model_validator

from mma_bench.errors import MMABenchError
from mma_bench.extras import needs
from mma_bench.files.faults import first_fault
from mma_bench.models.endpoint import EndpointModel, EndpointSettings, Part, Reply, Request, TemporaryError
from mma_bench.models.endpoint.address import Address, find_key, parse_address
from mma_bench.models.endpoint.advice import connection_advice, media_advice, page_advice, refuse_wrong_scheme
from mma_bench.models.endpoint.hosting import MediaHost
from mma_bench.models.endpoint.http_client import http_client
from mma_bench.models.endpoint.openai_media import EncodedMedia, encode_media
from mma_bench.models.endpoint.openai_reply import Said, StreamError, Usage, read_reply
from mma_bench.models.endpoint.patience import ServerError, is_temporary, retry_after
from mma_bench.models.endpoint.settings import VARIABLE, read_settings

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

DEFAULT_URL = "https://api.openai.com/v1"

_RESERVED = frozenset({"model", "messages", "stream", "n"})

_FILTERED = frozenset({"content_filter", "content_policy_violation"})
"""Error codes with which a hosted server declines a question: an answer, not a failure."""


_STREAM_ONLY = re.compile(r"only|must|requir|enable|non-?stream|unsupported|not support", re.IGNORECASE)
"""Words in a rejection that mentions `stream`, for servers that only stream."""


class OpenAISettings(EndpointSettings):
    """Options of an OpenAI-compatible server."""

    key_variable: str = Field("OPENAI_API_KEY", pattern=VARIABLE)
    extra_body: Json[dict[str, Any]] = Field(
        default_factory=dict, description="additional fields of the request, as JSON"
    )
    stream: Literal["auto", "always", "never"] = Field(
        "auto", description="request a stream of events; auto does if the server accepts nothing else"
    )
    transfer: Literal["inline", "url", "path", "file"] = Field(
        "inline", description="media as data URLs, or by an http URL, a file path or a file URL"
    )
    audio_as: Literal["input_audio", "data_url", "audio_url"] = Field(
        "input_audio", description="audio as input_audio with plain Base64 or with a data URL, or as audio_url"
    )
    media_folder: str | None = Field(
        None, description="folder for transfer=path, file and url; default: a temporary one"
    )
    media_host: str = Field("127.0.0.1", description="address of this machine as the server sees it, for transfer=url")

    @field_validator("extra_body")
    @classmethod
    def _not_ours(cls, value: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(value.keys() & (_RESERVED | cls.model_fields.keys())):
            raise ValueError(f"{taken[0]} is set elsewhere; remove it from extra_body")
        return value

    @model_validator(mode="after")
    def _transferable(self) -> "OpenAISettings":
        if "media_folder" in self.model_fields_set and self.transfer == "inline":
            raise ValueError("media_folder has no effect with transfer=inline; remove it")
        if "media_host" in self.model_fields_set and self.transfer != "url":
            raise ValueError("media_host has no effect without transfer=url; remove it")
        if self.transfer != "inline" and self.audio_as == "data_url":
            raise ValueError("audio_as=data_url requires transfer=inline; use audio_as=audio_url")
        return self

    def deciding(self) -> dict[str, str]:
        """Return the settings that determine an answer, as text; runs of earlier versions did not have these two."""
        defaults = {"setting transfer": "inline", "setting audio_as": "input_audio"}
        return {name: value for name, value in super().deciding().items() if defaults.get(name) != value}


class OpenAIModel(EndpointModel):
    """A model behind chat completions."""

    settings: OpenAISettings

    @classmethod
    def make(cls, rest: str, options: Mapping[str, str]) -> EndpointModel:
        """Return the model `openai:REST`."""
        return make_openai(rest, options)

    def __init__(self, address: Address, settings: OpenAISettings) -> None:
        is_chosen = "key_variable" in settings.model_fields_set
        self._key = find_key(address, (settings.key_variable,), is_chosen=is_chosen)
        super().__init__("openai", address, settings, self._key)
        self._streams = settings.stream == "always"
        self._streams_usage = True
        self._host: MediaHost | None = None
        self.begin_repeat(0)

    def begin_repeat(self, repeat: int) -> None:
        """Make the following requests with the seed of ``repeat``."""
        super().begin_repeat(repeat)
        self._heads: dict[tuple[int | None, bool, bool], bytes] = {}

    def _head(self, longest: int | None, *, streams: bool) -> bytes:
        """Return the beginning of a request as JSON, shared by all requests with the same limit."""
        name = longest, streams, self._streams_usage
        if name not in self._heads:
            parameters = self._parameters(longest, streams=streams)
            self._heads[name] = json.dumps(parameters, ensure_ascii=False)[:-1].encode("utf-8")
        return self._heads[name]

    def _parameters(self, longest: int | None, *, streams: bool) -> dict[str, Any]:
        settings = self.settings
        # OpenAI's newer models reject `max_tokens`; not every other server supports its successor.
        limit = "max_completion_tokens" if self.address.is_default else "max_tokens"
        chosen = {limit: longest, "temperature": settings.temperature, "seed": self.seed}
        scored = {"logprobs": True, "top_logprobs": settings.logprobs} if settings.logprobs else {}
        given = {name: value for name, value in chosen.items() if value is not None}
        streamed: dict[str, Any] = {"stream": True} if streams else {}
        if streams and self._streams_usage:
            streamed["stream_options"] = {"include_usage": True}
        return {"model": self.address.model, **given, **scored, **streamed, **settings.extra_body}

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator["AsyncOpenAI"]:
        from openai import AsyncOpenAI

        client = http_client(
            concurrency=self.settings.concurrency, timeout=self.settings.timeout, sent=self._count_request
        )
        with MediaHost(self.settings.transfer, self.settings.media_folder, self.settings.media_host) as self._host:
            async with AsyncOpenAI(
                api_key=self._key or "none",  # the SDK requires one; servers without keys ignore it
                base_url=self.address.url,
                max_retries=0,  # `Patience` retries, including what the SDK treats as a success
                timeout=self.settings.timeout,
                http_client=client,
            ) as opened:
                yield opened

    def _encode(self, parts: Sequence[Part]) -> EncodedMedia:
        return encode_media(parts, self._host, self.settings.audio_as)

    async def _release(self, client: Any, media: EncodedMedia) -> None:
        media.remove()

    async def _ask(self, client: "AsyncOpenAI", request: Request) -> Reply:
        import httpx2
        from openai import APIConnectionError, APIStatusError, OpenAIError

        streams, with_usage = self._streams, self._streams_usage
        text = json.dumps({"type": "text", "text": request.question.prompt}).encode("ascii")
        parts = (text, request.media.json) if self.settings.layout == "question-first" else (request.media.json, text)
        content = b",".join(filter(None, parts))
        head = self._head(request.max_tokens, streams=streams)
        try:
            response = await client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                content=b"".join((head, b', "messages": [{"role": "user", "content": [', content, b"]}]}")),
                options={"headers": {"Content-Type": "application/json"}},
            )
        except APIStatusError as error:
            if self._learns(error, streams=streams, with_usage=with_usage):
                return await self._ask(client, request)
            return self._status(error, has_media=bool(request.media.json))
        except APIConnectionError as error:
            if isinstance(error.__cause__, TemporaryError):
                raise error.__cause__ from None
            cause = error.__cause__ or error
            said = f"{type(cause).__name__} {self._quoted(cause)}"
            refuse_wrong_scheme(self.name, self.address.url, said)
            raise TemporaryError(said, advice=connection_advice(self.address.url, said)) from error
        except (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise MMABenchError(f"{self.name}: {self._quoted(error)}") from error
        return self._read(response.content, request.question.options)

    def _learns(self, error: "APIStatusError", *, streams: bool, with_usage: bool) -> bool:
        """Return whether a rejection tells how to ask instead: as a stream, or as one without token counts."""
        said = _words(error)
        if not 400 <= error.status_code < 500 or "stream" not in said:
            return False
        if streams and with_usage and "stream_options" in said:
            self._streams_usage = False
            return True
        if not streams and self.settings.stream == "auto" and _STREAM_ONLY.search(said):
            self._streams = True
            return True
        return False

    def _status(self, error: "APIStatusError", *, has_media: bool) -> Reply:
        """Return the reply for a status, or raise the corresponding error."""
        status, said = error.status_code, self._quoted(_words(error))
        if status == 400 and error.code in _FILTERED:
            return Reply("", finish_reason="content_filter")
        # An exhausted quota is also a 429, but waiting does not help.
        if is_temporary(status) and error.code != "insufficient_quota":
            raise TemporaryError(
                f"HTTP {status} ({said})",
                retry_after(error.response.headers.get("retry-after")),
                status=status,
                recurring=error.response.content if status == 500 else None,
                advice=media_advice(status, has_media=has_media, settings=self.settings),
            ) from error
        if 300 <= status < 400:
            place = self._quoted(error.response.headers.get("location") or "another place")
            raise ServerError(
                f"{self.name} redirects to {place} with HTTP {status}: {said}; use that URL", status
            ) from error
        hint = {401: f"; check the key in {self.settings.key_variable}", 404: "; check the model's name and the URL"}
        advice = hint.get(status) or media_advice(status, has_media=has_media, settings=self.settings)
        raise ServerError(f"{self.name} refused a request with HTTP {status}: {said}{advice}", status) from error

    def _read(self, content: bytes, options: Sequence[str]) -> Reply:
        try:
            completion = read_reply(content)
        except StreamError as error:
            status = error.status
            reason = f"an error in a stream ({self._quoted(error)})"
            if status and not is_temporary(status) and status != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ServerError(f"{self.name}: {reason}", status) from error
            # If a status is temporary, a repeated message has no significance.
            passes = status not in (None, HTTPStatus.INTERNAL_SERVER_ERROR)
            recurring = None if passes else error.message.encode("utf-8", errors="replace")
            raise TemporaryError(reason, status=status, recurring=recurring) from error
        except ValueError as error:
            received = content[:300].decode("utf-8", errors="replace")
            raise TemporaryError(
                f"a malformed reply ({self._fault(error)}): {self._quoted(received, 200)}",
                advice=page_advice(received),
            ) from None
        choice = completion.choices[0]
        said = Said.of(choice.message)
        tokens = choice.logprobs.content if choice.logprobs else None
        first_token = tokens[0].top_logprobs if tokens else []
        scores = score_options({seen.token: seen.logprob for seen in first_token}, options)
        usage = completion.usage or Usage()
        return Reply(
            said.text,
            scores,
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            finish_reason=choice.finish_reason,
            served_by=completion.served_by,
            reasoning=said.reasoning,
            reasoned=usage.reasoned,
        )

    def _fault(self, error: ValueError) -> str:
        """Return a description of what is wrong with a reply."""
        if not isinstance(error, ValidationError):
            return self._quoted(error, 100)
        fault = first_fault(error)
        return f"{fault.place or 'the whole'}: {self._quoted(fault.message, 100)}"


def _words(error: "APIStatusError") -> str:
    """Return the server's message: the SDK omits bodies that are not in OpenAI's format."""
    body = error.response.content.decode("utf-8", errors="replace")
    known = isinstance(error.body, dict) and isinstance(error.body.get("message"), str)
    return error.message if known or not body.strip() else f"{error.message}: {re.sub('<[^<>]*>', ' ', body)}"


def score_options(first_token: Mapping[str, float], options: Sequence[str]) -> dict[str, float]:
    """Return the log-probability of each option that the alternatives of the first token distinguish.

    A token that begins several options counts for none of them. Options that no token begins are left out; their
    probability is below that of the rarest alternative.
    """
    weight: dict[str, float] = {}
    for token, logprob in first_token.items():
        beginning = token.strip().casefold()
        begun = [option for option in options if beginning and option.casefold().startswith(beginning)]
        if len(begun) == 1:
            weight[begun[0]] = weight.get(begun[0], 0.0) + math.exp(min(logprob, 0.0))
    return {option: math.log(weight[option]) for option in options if weight.get(option, 0.0) > 0}


def make_openai(rest: str, options: Mapping[str, str]) -> EndpointModel:
    """Return the model `openai:REST`.

    Raises:
        MMABenchError: the name, the URL, an option or the key is invalid, or a package is missing.
    """
    with needs("openai", "endpoints"):
        import httpx2  # noqa: F401
        import openai  # noqa: F401
        import tenacity  # noqa: F401
    return OpenAIModel(parse_address("openai", rest, DEFAULT_URL), read_settings(OpenAISettings, "openai", options))
