"""Settings of the `audioset` source."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from builder.select.rules import DEFAULT_RULES

Split = Literal["test", "train"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PauseSettings(_Part):
    """How the whole stage waits after a bot check."""

    first_seconds: float = Field(
        default=60, gt=0, description="length of the first pause; each consecutive pause is twice as long"
    )
    longest_seconds: float = Field(default=3600, gt=0)
    tries: int = Field(default=3, ge=1, description="number of pauses after which a clip is given up")
    give_up_after: int = Field(default=8, ge=1, description="consecutive pauses without a download that end the run")


class DownloadSettings(_Part):
    """How media are downloaded."""

    url_template: str = Field(
        default="https://www.youtube.com/watch?v={youtube_id}",
        description="address of a video, or of an already cut segment if it contains {start_ms} or {start_seconds}",
    )
    max_height: int = Field(default=480, ge=64, description="highest resolution, pixels of the shorter side")
    whole: bool = Field(default=False, description="download whole videos instead of segments; `rate_limit` needs it")
    max_whole_bytes: int = Field(default=300_000_000, ge=1, description="size limit for whole videos")
    rate_limit: int | None = Field(
        default=None, ge=1, description="bytes per second for one download of a whole video or of a cut file"
    )
    retries: int = Field(default=3, ge=0, description="retries after a network error")
    backoff_seconds: float = Field(
        default=2, ge=0, description="wait before the first retry, then twice as long each time"
    )
    timeout_seconds: float = Field(default=30, gt=0, description="timeout of an idle connection")
    cookies: Path | None = Field(default=None, description="cookies in Netscape format; read, never written")
    concurrency: int = Field(default=4, ge=1, description="downloads at a time")
    sleep_seconds: float = Field(default=1, ge=0, description="wait before each download of a task")
    javascript: tuple[Literal["deno", "node", "bun", "quickjs"], ...] = Field(
        default=("deno", "node"), description="JavaScript runtimes that yt-dlp may start, which YouTube needs"
    )
    pause: PauseSettings = PauseSettings()

    @field_validator("url_template")
    @classmethod
    def _names_the_video(cls, template: str) -> str:
        try:
            address = template.format(youtube_id="x", start_ms=0, start_seconds=0, end_seconds=0)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                "its only fields are {youtube_id}, {start_ms}, {start_seconds} and {end_seconds}"
            ) from error
        if "{youtube_id}" not in template or not address.startswith(("http://", "https://")):
            raise ValueError("must be an http or https address with {youtube_id} in it")
        return template

    @model_validator(mode="after")
    def _limit_is_kept(self) -> "DownloadSettings":
        if self.rate_limit and not (self.whole or self.cut_already):
            raise ValueError("`rate_limit` needs `whole: true`: segments are read by ffmpeg, which has no such limit")
        return self

    @property
    def cut_already(self) -> bool:
        """Whether the address is that of a cut segment."""
        return "{start_" in self.url_template


class AudioSetSettings(_Part):
    """Settings of the `audioset` source; relative paths are relative to the current folder."""

    kind: Literal["audioset"]
    ontology: Path | None = Field(default=None, description="AudioSet's ontology.json; not needed with preset alone")
    segments: tuple[Path, ...] = Field(default=(), description="segment lists in AudioSet's format")
    rules: Path = Field(default=DEFAULT_RULES, description="file with the classes and the nodes that they include")
    preset: Literal["official", "none"] = Field(default="none", description="official: exactly the 658 published clips")
    split: Split | dict[str, Split] = Field(
        default="test", description="split of all clips, or of each list by its file's name without suffix"
    )
    skip_bad_rows: bool = Field(default=False, description="skip damaged rows and count them")
    limit: int | None = Field(default=None, ge=2, description="only the first candidates by clip id")
    mirror: Path | None = Field(
        default=None, description="folder with {youtube_id}.mp4, or already cut {youtube_id}_{start_ms}.mp4"
    )
    download: DownloadSettings | None = Field(
        default=None, description="how to download what the mirror lacks; without a mirror, defaults apply"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "AudioSetSettings":
        if bool(self.ontology) != bool(self.segments) or not (self.segments or self.preset == "official"):
            raise ValueError("set `ontology` and `segments`, or only `preset: official`")
        if isinstance(self.split, dict) and self.split.keys() != {path.stem for path in self.segments}:
            names = ", ".join(path.stem for path in self.segments)
            raise ValueError(f"`split` must name each list once: {names}")
        return self

    @property
    def network(self) -> DownloadSettings | None:
        """How to download, or None if only the mirror is used."""
        return self.download or (None if self.mirror else DownloadSettings())

    def split_of(self, name: str) -> Split:
        """Return the split of the clips of list ``name``."""
        return self.split[name] if isinstance(self.split, dict) else self.split
