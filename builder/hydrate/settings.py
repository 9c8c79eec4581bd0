"""Where the media of an ids-only dataset come from."""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from builder.executors import ExecutorSettings
from builder.pipeline import HYDRATE
from builder.sources.audioset.settings import DownloadSettings
from mma_bench.files.settings import apply_overrides


class HydrateSettings(BaseModel):
    """The user's settings; how clips are cut and encoded is determined by the dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mirror: Path | None = Field(
        default=None, description="folder with {youtube_id}.mp4, or already cut {clip_id}.mp4 (or .mkv, .webm ...)"
    )
    download: DownloadSettings | None = Field(
        default=None, description="how to download what the mirror lacks; without a mirror, defaults apply"
    )
    executor: ExecutorSettings = ExecutorSettings()


def hydrate_settings(mirror: Path | None, overrides: tuple[str, ...], published: dict[str, Any]) -> HydrateSettings:
    """Return the settings.

    Args:
        mirror: folder of media, if any.
        overrides: such as `download.cookies=cookies.txt`.
        published: the configuration that the dataset was built with. Only what determines the bytes of a download is
            taken from it: a file from someone else must not choose the server.

    Raises:
        MMABenchError: a setting is unknown or out of range.
    """
    settings: dict[str, Any] = {"mirror": mirror}
    if mirror is None or any(re.match(r"download[.=]", override) for override in overrides):
        source = published.get("source")
        built_with = (source.get("download") if isinstance(source, dict) else None) or {}
        settings["download"] = {name: built_with[name] for name in ("max_height", "whole") if name in built_with}
    found = apply_overrides(
        HydrateSettings, settings, overrides, where="the dataset's own settings", override="download.concurrency=2"
    )
    found.executor.check_stages([entry.name for entry in HYDRATE])
    return found
