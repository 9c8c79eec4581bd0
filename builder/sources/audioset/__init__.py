"""The `audioset` source: candidates chosen by rules from AudioSet's lists, media from a mirror or from the network."""

from builder.sources.audioset.settings import AudioSetSettings, DownloadSettings
from builder.sources.audioset.source import AudioSetSource

__all__ = ["AudioSetSettings", "AudioSetSource", "DownloadSettings"]
