"""The `demo` source: a small benchmark from photos and audio in Debian packages."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from builder.manifest import ManifestRow
from builder.sources.base import MediaFindings, Source
from builder.sources.super_classes import audioset_super_classes
from builder.stage import Dropped
from mma_bench.files.cache import cache_folder
from mma_bench.files.hashing import sha256_file


class DemoSettings(BaseModel):
    """Settings of the `demo` source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["demo"]
    limit: int | None = Field(default=None, ge=2, description="use only the first clips of the catalogue")


class DemoSource(Source):
    """Moving photos and repeated audio: real media, but no true synchrony."""

    name = "demo"

    def __init__(self, settings: DemoSettings, seed: int) -> None:
        from builder.sources import demo

        self._seed = seed
        self._catalogue = demo.CATALOGUE
        self._clips = {clip.name: clip for clip in demo.load_catalogue().clips[: settings.limit]}

    def class_names(self) -> list[str]:
        """Return the classes of the catalogue in alphabetical order."""
        return sorted({clip.label for clip in self._clips.values()})

    def super_classes(self) -> dict[str, str]:
        """Return the top level of AudioSet's ontology for the classes that have one."""
        return audioset_super_classes(self.class_names())

    def input_hashes(self) -> dict[str, str]:
        """Return the hash of the catalogue, which contains the hash of every photo and audio file."""
        return {self._catalogue.name: sha256_file(self._catalogue)}

    def state(self) -> str:
        """Return the seed of the motion."""
        return str(self._seed)

    def rows(self) -> list[ManifestRow]:
        """Return a row for each clip of the catalogue."""
        return [
            ManifestRow(
                clip_id=f"{clip.name}_0",
                file=clip.name,
                visual_label=clip.label,
                audio_label=clip.label,
                source_labels=[clip.label],
                source=self.name,
                licence=clip.licence,
                attribution=clip.attribution,
                notes=clip.notes,
            )
            for clip in self._clips.values()
        ]

    def rows_are_decided_by(self) -> Any:
        """Return the hash of the catalogue."""
        return sorted(self.input_hashes().items())

    def media_findings(self, rows: Iterable[ManifestRow]) -> MediaFindings:
        """Return how many photos and sounds are in the cache."""
        from builder.sources.demo import missing_media

        missing = len(missing_media(list(self._clips.values()), cache_folder()))
        return MediaFindings([f"{missing} photos and sounds to download" if missing else "all media are in the cache"])

    def prepare(self) -> None:
        """Download the packages that are not in the cache yet."""
        from builder.sources.demo import fetch_media

        fetch_media(cache_folder(), report=lambda line: print(line, file=sys.stderr))

    def fetch(self, row: ManifestRow, folder: Path) -> Path:
        """Render the clip."""
        from builder.sources.demo import missing_media, render_clip

        clip = self._clips[row.file]
        if missing := missing_media([clip], cache_folder()):
            raise Dropped("missing_media", f"no package had {missing[0]} as the catalogue knows it")
        path = folder / f"{row.clip_id}.mkv"
        render_clip(clip, cache_folder(), path, seed=self._seed)
        return path
