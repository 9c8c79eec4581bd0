"""What the loopback model server replies, in the forms that real servers use."""

import json
from typing import Any

from tests.models.endpoint_behaviour import Behaviour

THOUGHT = Behaviour.thought


def openai_reply(text: str, scores: dict[str, float], tokens: int | None, body: dict[str, Any]) -> dict[str, Any]:
    """Return a reply of chat completions."""
    best = sorted(scores, key=lambda option: -scores[option])
    count = body.get("top_logprobs", 0)
    alternatives = [{"token": option, "logprob": scores[option]} for option in best[:count]]
    logprobs = {"content": [{**alternatives[0], "top_logprobs": alternatives}]} if alternatives else None
    choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": logprobs}
    choice["finish_reason"] = "length" if body.get("max_tokens") == 1 else "stop"
    usage = None if tokens is None else {"prompt_tokens": tokens, "completion_tokens": 1, "total_tokens": tokens + 1}
    named = {"id": "1", "object": "chat.completion", "model": "cascade", "system_fingerprint": "fp_1"}
    return {**named, "choices": [choice], "usage": usage}


def gemini_reply(text: str, scores: dict[str, float], tokens: int | None, body: dict[str, Any]) -> dict[str, Any]:
    """Return a reply of `generateContent`."""
    count = body.get("generationConfig", {}).get("logprobs", 0)
    best = sorted(scores, key=lambda option: -scores[option])[:count]
    seen = [{"token": option, "logProbability": scores[option]} for option in best]
    thought = {"text": "The user asks about Cat and Dog.", "thought": True}
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [thought, {"text": text}]}}
    if seen:
        candidate["logprobsResult"] = {"topCandidates": [{"candidates": seen}]}
    is_cut = body.get("generationConfig", {}).get("maxOutputTokens") == 1
    candidate["finishReason"] = "MAX_TOKENS" if is_cut else "STOP"
    counts = {"promptTokenCount": tokens, "candidatesTokenCount": 1, "thoughtsTokenCount": 8}
    usage = {} if tokens is None else {"usageMetadata": counts}
    return {"candidates": [candidate], "modelVersion": "cascade-001", **usage}


def shaped(reply: dict[str, Any], behaviour: Behaviour, body: dict[str, Any], *, is_gemini: bool) -> dict[str, Any]:
    """Return ``reply`` as a model that thinks gives it, or with its content as a list of parts."""
    config = body.get("generationConfig", {})
    limit = config.get("maxOutputTokens") if is_gemini else body.get("max_tokens")
    is_cut = behaviour.thinking and limit is not None and limit < behaviour.thinking
    if is_gemini:
        if is_cut:
            del reply["candidates"][0]["content"]["parts"][1:]
            reply["candidates"][0]["finishReason"] = "MAX_TOKENS"
        return reply
    reply["model"], thought = behaviour.served_by, behaviour.thought
    choice = reply["choices"][0]
    message, text = choice["message"], choice["message"]["content"]
    if behaviour.thinking:
        if behaviour.reasoning_field == "inline":
            text = f"<think>{thought}" + ("" if is_cut else f"</think>{text}")
        elif behaviour.reasoning_field == "parts":
            thoughts = {"type": "thinking", "thinking": [{"type": "text", "text": thought}]}
            text = [thoughts] if is_cut else [thoughts, {"type": "text", "text": text}]
        else:
            message[behaviour.reasoning_field] = thought
            text = None if is_cut else text
        choice["finish_reason"] = "length" if is_cut else "stop"
    elif behaviour.content_parts:
        text = [{"type": "text", "text": text[:2]}, {"type": "text", "text": text[2:]}]
    message["content"] = text
    return reply


def refusal(behaviour: Behaviour, body: dict[str, Any]) -> tuple[int, str] | None:
    """Return status and words by which a server refuses what it cannot take."""
    if behaviour.only_streams and not body.get("stream"):
        return 400, "This model only support stream mode, please enable the stream parameter to access the model."
    if behaviour.only_streams and "stream_options" in body:
        return 422, "Unsupported fields in the request: {'stream_options'}"
    text = json.dumps(body)
    if behaviour.no_data and any(f'"url": "data:{kind}' in text for kind in behaviour.no_data):
        return 500, "Internal Server Error"
    if behaviour.audio_data_url and '"data": "data:' not in text:
        return 400, "InternalError.Algo.InvalidParameter: input_audio.data must be a URL or a data URL"
    return None


def streamed(reply: dict[str, Any]) -> bytes:
    """Return ``reply`` as server-sent events, its texts in pieces."""
    choice, events = reply["choices"][0], []
    head = {name: reply[name] for name in ("id", "model", "system_fingerprint")}

    def event(delta: dict[str, Any], **more: Any) -> None:
        events.append({**head, "choices": [{"index": 0, "delta": delta, **more}]})

    event({"role": "assistant", "content": ""}, logprobs=choice["logprobs"])
    for name, value in choice["message"].items():
        if name == "role" or value is None:
            continue
        for at in range(0, len(value), 3):
            event({name: value[at : at + 3]})
    event({}, finish_reason=choice["finish_reason"])
    events.append({**head, "choices": [], "usage": reply["usage"]})
    lines = [f"data: {json.dumps(one)}" for one in events]
    return "\r\n\r\n".join([": keep-alive", *lines, "data: [DONE]", ""]).encode()
