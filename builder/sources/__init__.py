"""Where clips come from: each source lists its clips, then makes their media available as local files."""

from pydantic import BaseModel

from builder.sources.audioset import AudioSetSettings, AudioSetSource
from builder.sources.base import Source
from builder.sources.demo_source import DemoSettings, DemoSource
from builder.sources.folder import FolderSettings, FolderSource
from builder.sources.registry import SOURCES, own_kind
from builder.sources.synthetic import SyntheticSettings, SyntheticSource

SourceSettings = DemoSettings | FolderSettings | AudioSetSettings | SyntheticSettings

__all__ = [
    "SOURCES",
    "AudioSetSettings",
    "AudioSetSource",
    "DemoSettings",
    "DemoSource",
    "FolderSettings",
    "FolderSource",
    "Source",
    "SourceSettings",
    "SyntheticSettings",
    "SyntheticSource",
    "make_source",
    "own_kind",
]


def make_source(settings: BaseModel, seed: int) -> Source:
    """Return the source that ``settings``, the section `source` of a configuration, describe."""
    source = SOURCES.find(str(getattr(settings, "kind", ""))).make(settings, seed)
    source.asked_by = [settings.model_dump_json(), seed]
    return source
