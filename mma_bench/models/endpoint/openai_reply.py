"""Replies of chat completions servers: one JSON object or a stream of events, in the formats used in practice.

Content is a string or a list of parts; the reasoning of a model is in a separate field, whose name is not
standardised: `reasoning_content` (vLLM, SGLang, DeepSeek), `reasoning` (OpenRouter, newer vLLM, Ollama),
`thinking`, or parts of the content (Mistral).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
_REASONING_PARTS = frozenset({"thinking", "reasoning", "reasoning_text", "thought", "reasoning.text"})


class StreamError(Exception):
    """An error that a server sent as an event of a started stream.

    Attributes:
        message: the server's words.
        code: its code or HTTP status, if it gives one.
    """

    def __init__(self, message: str, code: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    @property
    def status(self) -> int | None:
        """The code as an HTTP status, or None."""
        text = str(self.code)
        return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else None


class Alternative(BaseModel):
    """An alternative token with its log-probability."""

    token: str
    logprob: Annotated[float, Field(allow_inf_nan=False)]


class Token(Alternative):
    """A token of the answer."""

    top_logprobs: list[Alternative] = []


class Logprobs(BaseModel):
    """The tokens of the answer, if requested."""

    content: list[Token] | None = None


class Message(BaseModel):
    """The message of a reply; its parts are read by `Said.of`."""

    content: str | list[Any] | dict[str, Any] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    thinking: Any = None
    reasoning_details: Any = None


class Choice(BaseModel):
    """The one answer of a reply."""

    message: Message
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class _Details(BaseModel):
    reasoning_tokens: int | None = None


class Usage(BaseModel):
    """The server's count of tokens."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: _Details | None = None

    @property
    def reasoned(self) -> bool:
        """Whether the server counts reasoning tokens; some do not return the reasoning."""
        return bool(self.completion_tokens_details and self.completion_tokens_details.reasoning_tokens)


class Completion(BaseModel):
    """The parts of a reply that we use. The SDK's own types are built without validation."""

    choices: list[Choice] = Field(min_length=1)
    usage: Usage | None = None
    model: str | None = None
    system_fingerprint: str | None = None

    @property
    def served_by(self) -> str | None:
        """The model and the configuration that answered, if the server names them."""
        return " ".join(filter(None, (self.model, self.system_fingerprint))) or None


@dataclass(frozen=True)
class Said:
    """The answer of a model and its reasoning.

    Attributes:
        text: the answer, or the text of a refusal.
        reasoning: the reasoning, if the server returns it.
    """

    text: str
    reasoning: str | None

    @classmethod
    def of(cls, message: Message) -> "Said":
        """Read a message. An empty text is an answer too: a filter, or a token limit used up by reasoning."""
        text, thoughts = _split(message.content)
        told = (_all_text(getattr(message, name)) for name in _REASONING_FIELDS)
        reasoning = next(filter(None, told), "") or thoughts
        return cls(_joined(text or message.refusal or ""), _joined(reasoning) or None)


def read_reply(content: bytes) -> Completion:
    """Read the body of a reply.

    A lone half of a surrogate pair stays in the text; bytes that are not UTF-8 become U+FFFD.

    Raises:
        ValueError: it is not a chat completions reply (a `pydantic.ValidationError` if only fields are wrong).
        StreamError: the server reports an error in a stream.
    """
    text = content.decode("utf-8", errors="replace").removeprefix("\ufeff")
    if text.lstrip()[:6].startswith(("data:", "event:", ": ", "id:")):
        return Completion.model_validate(_assembled(_events(text)))
    return Completion.model_validate(_json(text))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None


def _events(text: str) -> Iterable[Any]:
    """Yield the JSON of server-sent events (HTML standard, 9.2), up to `[DONE]`.

    Raises:
        ValueError: an event is not JSON, or the stream ends before its end was announced.
    """
    ended = False
    for block in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        lines = [line.removeprefix("data:").removeprefix(" ") for line in block.split("\n") if line[:5] == "data:"]
        data = "\n".join(lines)
        if data.strip() == "[DONE]":
            return
        if data:
            event = _json(data)
            choices = event.get("choices") if isinstance(event, dict) else None
            ended = ended or bool(choices and isinstance(choices[0], dict) and choices[0].get("finish_reason"))
            yield event
    if not ended:
        raise ValueError("the stream ends in the middle")


def _assembled(events: Iterable[Any]) -> dict[str, Any]:
    """Return the reply assembled from ``events``, in the format of one that is not streamed."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    tokens: list[Any] = []
    reason = None
    for event in events:
        if not isinstance(event, dict):
            raise ValueError("an event is not an object")
        if error := event.get("error"):
            known = error if isinstance(error, dict) else {"message": error}
            raise StreamError(str(known.get("message", known)), known.get("code"))
        whole |= {name: event[name] for name in ("usage", "model", "system_fingerprint") if event.get(name)}
        for choice in event.get("choices") or []:
            if not isinstance(choice, dict) or choice.get("index", 0) != 0:
                continue
            _add(message, choice.get("delta") or choice.get("message") or {})
            tokens += (choice.get("logprobs") or {}).get("content") or []
            reason = choice.get("finish_reason") or reason
    return {**whole, "choices": [{"message": message, "logprobs": {"content": tokens}, "finish_reason": reason}]}


def _add(message: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name in ("content", "refusal", *_REASONING_FIELDS):
        new = delta.get(name)
        if not new:
            continue
        old = message.get(name)
        if old is None or (isinstance(old, str) and isinstance(new, str)):
            message[name] = new if old is None else old + new
        else:  # strings and parts may alternate
            message[name] = [*(old if isinstance(old, list) else [old]), *(new if isinstance(new, list) else [new])]


def _split(content: Any) -> tuple[str, str]:
    """Return the text and the reasoning of a content: a string, a part, or a list of them."""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, dict):
        said = _all_text(content)
        return ("", said) if content.get("type") in _REASONING_PARTS or content.get("thought") is True else (said, "")
    pairs = [_split(part) for part in content] if isinstance(content, list) else []
    return "".join(text for text, _ in pairs), "".join(thought for _, thought in pairs)


def _all_text(value: Any) -> str:
    """Return all text of a part, however it is nested."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_all_text, value))
    if isinstance(value, dict):
        fields = ("text", "content", "thinking", "reasoning", "summary", "refusal")
        return next((said for name in fields if (said := _all_text(value.get(name)))), "")
    return ""


def _joined(text: str) -> str:
    """Return ``text`` with the halves of surrogate pairs from two events joined; lone ones stay."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="surrogatepass")
