"""Where clips come from: each source lists its clips, then makes their media available as local files."""

from builder.sources.audioset import AudioSetSettings, AudioSetSource
from builder.sources.base import Source
from builder.sources.demo_source import DemoSettings, DemoSource
from builder.sources.folder import FolderSettings, FolderSource
from builder.sources.synthetic import SyntheticSettings, SyntheticSource

SourceSettings = DemoSettings | FolderSettings | AudioSetSettings | SyntheticSettings

__all__ = [
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
]


def make_source(settings: SourceSettings, seed: int) -> Source:
    """Return the source that ``settings`` describe."""
    if isinstance(settings, DemoSettings):
        return DemoSource(settings, seed)
    if isinstance(settings, AudioSetSettings):
        return AudioSetSource(settings)
    if isinstance(settings, SyntheticSettings):
        return SyntheticSource(settings, seed)
    return FolderSource(settings)
