"""The sources by their `kind`: those of this project and those of users' packages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from builder.sources.audioset import AudioSetSettings, AudioSetSource
from builder.sources.base import Source
from builder.sources.demo_source import DemoSettings, DemoSource
from builder.sources.folder import FolderSettings, FolderSource
from builder.sources.synthetic import SyntheticSettings, SyntheticSource
from mma_bench.registry import BUILT_IN, Registry


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    Attributes:
        settings: the section `source` of the configuration.
        make: returns the source, given its settings and the seed of the build.
    """

    settings: type[BaseModel]
    make: Callable[[Any, int], Source]


def _adopt(found: Any) -> SourceKind:
    if not (isinstance(found, type) and issubclass(found, Source)):
        raise TypeError("it is not a subclass of builder.sources.Source")
    settings = getattr(found, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel) and "kind" in settings.model_fields):
        raise TypeError("it has no class `Settings`, a pydantic model with a field `kind`")
    return SourceKind(settings, found)


SOURCES: Registry[SourceKind] = Registry("source", "sources", adopt=_adopt)

SOURCES.add("demo", SourceKind(DemoSettings, DemoSource), DemoSource)
SOURCES.add("folder", SourceKind(FolderSettings, lambda settings, seed: FolderSource(settings)), FolderSource)
SOURCES.add("audioset", SourceKind(AudioSetSettings, lambda settings, seed: AudioSetSource(settings)), AudioSetSource)
SOURCES.add("synthetic", SourceKind(SyntheticSettings, SyntheticSource), SyntheticSource)


def own_kind(name: object) -> SourceKind | None:
    """Return the kind called ``name`` if a user's package provides it.

    Raises:
        MMABenchError: the package cannot be loaded.
    """
    if not isinstance(name, str) or name not in SOURCES:
        return None
    found = SOURCES.entry(name)
    return None if found.origin == BUILT_IN else found.value
