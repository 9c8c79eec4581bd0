"""The `normalise` stage: every clip becomes a silent square video and a mono sound."""

from builder.normalise.step import NormaliseClips
from builder.normalise.transcode import NormaliseSettings

__all__ = ["NormaliseClips", "NormaliseSettings"]
