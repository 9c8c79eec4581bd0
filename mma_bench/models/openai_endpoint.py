"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, hosted ones.

The silent video (`video_url`) and the sound (`input_audio`) go as separate parts: servers that were asked to take the
sound out of the video have dropped it without a word.
"""

import base64
import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, Json, ValidationError, field_validator

from mma_bench.errors import MMABenchError
from mma_bench.extras import needs
from mma_bench.models.endpoint import EndpointModel, EndpointSettings, Part, Reply, Request, TemporaryError
from mma_bench.models.endpoint.address import Address, find_key, parse_address, quoted
from mma_bench.models.endpoint.http_client import http_client
from mma_bench.models.endpoint.patience import is_temporary, retry_after
from mma_bench.models.endpoint.settings import VARIABLE, read_settings

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

DEFAULT_URL = "https://api.openai.com/v1"

_RESERVED = frozenset({"model", "messages", "stream", "n"})

_FILTERED = frozenset({"content_filter", "content_policy_violation"})
"""Error codes by which a hosted server declines a question: that is its answer, not a failure."""


class OpenAISettings(EndpointSettings):
    """Options of an OpenAI-compatible server."""

    key_variable: str = Field("OPENAI_API_KEY", pattern=VARIABLE)
    extra_body: Json[dict[str, Any]] = Field(default_factory=dict, description="more fields of the request, as JSON")

    @field_validator("extra_body")
    @classmethod
    def _not_ours(cls, value: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(value.keys() & (_RESERVED | cls.model_fields.keys())):
            raise ValueError(f"{taken[0]} is set elsewhere; leave it out of extra_body")
        return value


class _Alternative(BaseModel):
    token: str
    logprob: Annotated[float, Field(allow_inf_nan=False)]


class _Token(_Alternative):
    top_logprobs: list[_Alternative] = []


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    """The parts of a reply that we read. The SDK's own types are built without validation."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
    model: str | None = None
    system_fingerprint: str | None = None

    @property
    def served_by(self) -> str | None:
        """The model and the configuration that answered, as far as the server names them."""
        return " ".join(filter(None, (self.model, self.system_fingerprint))) or None


class OpenAIModel(EndpointModel):
    """A model behind chat completions."""

    settings: OpenAISettings

    def __init__(self, address: Address, settings: OpenAISettings) -> None:
        super().__init__("openai", address, settings)
        is_chosen = "key_variable" in settings.model_fields_set
        self._key = find_key(address, (settings.key_variable,), is_chosen=is_chosen)
        self.begin_repeat(0)

    def begin_repeat(self, repeat: int) -> None:
        """Make the requests that follow with the seed of ``repeat``."""
        super().begin_repeat(repeat)
        self._head = json.dumps(self._parameters(), ensure_ascii=False)[:-1].encode("utf-8")

    def _parameters(self) -> dict[str, Any]:
        settings = self.settings
        # OpenAI's newer models refuse `max_tokens`; not every other server knows its successor.
        longest = "max_completion_tokens" if self.address.is_default else "max_tokens"
        chosen = {longest: settings.max_tokens, "temperature": settings.temperature, "seed": self.seed}
        scored = {"logprobs": True, "top_logprobs": settings.logprobs} if settings.logprobs else {}
        given = {name: value for name, value in chosen.items() if value is not None}
        return {"model": self.address.model, **given, **scored, **settings.extra_body}

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator["AsyncOpenAI"]:
        from openai import AsyncOpenAI

        client = http_client(concurrency=self.settings.concurrency, timeout=self.settings.timeout)
        async with AsyncOpenAI(
            api_key=self._key or "none",  # the SDK insists on one; servers without keys ignore it
            base_url=self.address.url,
            max_retries=0,  # `Patience` repeats, also what the SDK takes for a success
            timeout=self.settings.timeout,
            http_client=client,
        ) as opened:
            yield opened

    def _encode(self, parts: Sequence[Part]) -> bytes:
        """Return ``parts`` as JSON, to be used for all questions: encoding megabytes for each would cost most."""
        return b",".join(_part_json(part) for part in parts)

    async def _ask(self, client: "AsyncOpenAI", request: Request) -> Reply:
        import httpx2
        from openai import APIConnectionError, APIStatusError, OpenAIError

        text = json.dumps({"type": "text", "text": request.question.prompt}).encode("ascii")
        content = b",".join(filter(None, (request.media, text)))
        body = b"".join((self._head, b', "messages": [{"role": "user", "content": [', content, b"]}]}"))
        try:
            response = await client.post(
                "/chat/completions",
                cast_to=httpx2.Response,
                content=body,
                options={"headers": {"Content-Type": "application/json"}},
            )
        except APIStatusError as error:
            return self._status(error)
        except APIConnectionError as error:
            if isinstance(error.__cause__, TemporaryError):
                raise error.__cause__ from None
            cause = error.__cause__ or error
            raise TemporaryError(f"{type(cause).__name__} {quoted(cause, self._key)}") from error
        except (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise MMABenchError(f"{self.name}: {quoted(error, self._key)}") from error
        return self._read(response.content, request.question.options)

    def _status(self, error: "APIStatusError") -> Reply:
        """Return the reply that a status stands for, or raise what it means."""
        said = quoted(error.message, self._key)
        if error.status_code == 400 and error.code in _FILTERED:
            return Reply("", finish_reason="content_filter")
        # A used-up quota is a 429 as well, but waiting does not fill it.
        if is_temporary(error.status_code) and error.code != "insufficient_quota":
            raise TemporaryError(
                f"HTTP {error.status_code} ({said})", retry_after(error.response.headers.get("retry-after"))
            ) from error
        hint = {401: f"; check the key in {self.settings.key_variable}", 404: "; check the model's name and the URL"}
        raise MMABenchError(
            f"{self.name} refused a request with HTTP {error.status_code}: {said}{hint.get(error.status_code, '')}"
        ) from error

    def _read(self, content: bytes, options: Sequence[str]) -> Reply:
        try:
            completion = _Completion.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(step) for step in first["loc"]) or "the whole"
            raise TemporaryError(
                f"a malformed reply ({place}: {quoted(first['msg'], self._key, 100)}): "
                f"{quoted(content[:300].decode('utf-8', errors='replace'), self._key, 200)}"
            ) from None
        choice = completion.choices[0]
        # No content is an answer too: a filter, or a budget of tokens spent on thinking.
        text = choice.message.content or choice.message.refusal or ""
        tokens = choice.logprobs.content if choice.logprobs else None
        first_token = tokens[0].top_logprobs if tokens else []
        scores = score_options({seen.token: seen.logprob for seen in first_token}, options)
        usage = completion.usage or _Usage()
        return Reply(
            text,
            scores,
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            finish_reason=choice.finish_reason,
            served_by=completion.served_by,
        )


def score_options(first_token: Mapping[str, float], options: Sequence[str]) -> dict[str, float]:
    """Return the log-probability of each option that the alternatives of the first token tell from the others.

    A token that begins several options counts for none; options that no token begins are left out, their
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
        MMABenchError: the name, the URL, an option or the key is wrong, or a package is missing.
    """
    with needs("openai", "endpoints"):
        import httpx2  # noqa: F401
        import openai  # noqa: F401
        import tenacity  # noqa: F401
    return OpenAIModel(parse_address("openai", rest, DEFAULT_URL), read_settings(OpenAISettings, "openai", options))


def _part_json(part: Part) -> bytes:
    data = base64.b64encode(part.data)
    if part.kind == "audio":
        kind = part.mime.removeprefix("audio/").encode("ascii")
        return b'{"type": "input_audio", "input_audio": {"format": "%b", "data": "%b"}}' % (kind, data)
    name, mime = f"{part.kind}_url".encode("ascii"), part.mime.encode("ascii")
    return b'{"type": "%b", "%b": {"url": "data:%b;base64,%b"}}' % (name, name, mime, data)
