"""The `normalise` stage: every clip becomes a silent square video and mono audio."""

from builder.normalise.settings import NormaliseSettings
from builder.normalise.stage import NormaliseClips

__all__ = ["NormaliseClips", "NormaliseSettings"]
