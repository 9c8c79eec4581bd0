"""Options of an endpoint, given as text on the command line."""

import json
from collections.abc import Mapping
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mma_bench.errors import MMABenchError, unknown
from mma_bench.files.faults import first_fault

Settings = TypeVar("Settings", bound="EndpointSettings")

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""Names of environment variables."""

_HOW_IT_IS_ASKED = frozenset(
    {"concurrency", "timeout", "retries", "backoff", "key_variable", "stream", "media_folder", "media_host"}
)
"""Settings that change the time of an answer, not its content."""


class EndpointSettings(BaseModel):
    """Options of every endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    media: Literal["parts", "frames", "muxed", "none"] = Field(
        "parts",
        description="silent video and audio separately; frames as images, and audio; one file with both; text only",
    )
    streams: Literal["both", "video", "audio"] = Field(
        "both", description="what is sent of a stimulus, for models that take no audio, or no video"
    )
    layout: Literal["video-first", "audio-first", "question-first", "interleaved"] = Field(
        "video-first",
        description="order of video, audio and question; interleaved: frames and audio of two seconds in turn, for "
        "media=frames",
    )
    fps: float = Field(2.0, gt=0, le=60, description="frames per second, for media=frames")
    size: int | None = Field(None, ge=16, le=4096, description="height and width of frames, for media=frames")
    audio_format: Literal["wav", "flac"] = Field("wav", description="how audio is sent, for media=parts and frames")
    max_tokens: int | None = Field(256, ge=1, description="maximum tokens of an answer; none leaves it to the server")
    thinking_max_tokens: int = Field(
        8192, ge=1, description="maximum tokens of an answer of a reasoning model, unless max_tokens is set"
    )
    temperature: float | None = Field(0.0, ge=0, le=2, description="0 is greedy; none omits it from the request")
    seed: int | None = Field(0, description="seed of the server's sampling; none omits it from the request")
    logprobs: int = Field(0, ge=0, le=20, description="alternatives of the first token used to score options")
    concurrency: int = Field(16, ge=1, le=1024, description="requests in flight")
    timeout: float = Field(300.0, gt=0, description="time limit per request, from its start to its last byte, seconds")
    retries: int = Field(
        8, ge=0, le=100, description="maximum number of retries of a request after a temporary failure"
    )
    backoff: float = Field(0.5, gt=0, le=60, description="longest wait before the first retry, seconds")
    key_variable: str = Field(pattern=VARIABLE, description="environment variable that contains the key")

    @field_validator("size", "max_tokens", "temperature", "seed", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "none" else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if {"max_tokens", "thinking_max_tokens"} <= self.model_fields_set:
            raise ValueError("thinking_max_tokens has no effect when max_tokens is set; remove one of them")
        if self.streams != "both" and self.media in ("muxed", "none"):
            raise ValueError(f"streams={self.streams} has no effect with media={self.media}; use parts or frames")
        if self.layout == "interleaved" and (self.media != "frames" or self.streams != "both"):
            raise ValueError("layout=interleaved needs media=frames and streams=both: images between pieces of audio")
        apart = self.media in ("parts", "frames") and self.streams == "both"
        if (self.layout == "audio-first" and not apart) or (self.layout == "question-first" and self.media == "none"):
            raise ValueError(f"layout={self.layout} has no effect with media={self.media} and streams={self.streams}")
        for name, media in (("fps", ("frames",)), ("size", ("frames",)), ("audio_format", ("parts", "frames"))):
            if name in self.model_fields_set and self.media not in media:
                raise ValueError(f"{name} has no effect with media={self.media}; leave it out")
        return self

    def deciding(self) -> dict[str, str]:
        """Return the settings that determine an answer, as text."""
        unused = set() if self.media == "frames" else {"fps", "size"}
        unused |= {"audio_format"} if self.media in ("muxed", "none") else set()
        # Runs from before these existed keep their answers.
        unused |= {"streams"} if self.streams == "both" else set()
        unused |= {"layout"} if self.layout == "video-first" else set()
        unused |= {"thinking_max_tokens"} if "max_tokens" in self.model_fields_set else set()
        return {
            f"setting {name}": value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            for name, value in self.model_dump(mode="json").items()
            if name not in _HOW_IT_IS_ASKED and name not in unused
        }


def read_settings(kind: type[Settings], family: str, options: Mapping[str, str]) -> Settings:
    """Return ``options`` as settings.

    Raises:
        MMABenchError: an option is unknown or has an invalid value. The message omits values: one might be a key.
    """
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        fault = first_fault(error)
        name = fault.place
        if fault.kind == "extra_forbidden":
            raise MMABenchError(unknown(f"{family} has no option", name, sorted(kind.model_fields))) from None
        if name == "key_variable":
            raise MMABenchError(f"{family}: key_variable is the name of an environment variable, never a key") from None
        raise MMABenchError(f"{family}: {f'option {name}: ' if name else ''}{fault.message}") from None
