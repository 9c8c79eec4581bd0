"""The `compare` stage: find clips of the same recording, and keep the splits apart."""

from builder.compare.settings import CompareSettings
from builder.compare.stage import CompareClips

__all__ = ["CompareClips", "CompareSettings"]
