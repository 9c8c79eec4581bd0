"""The `inspect` stage: technical checks and fingerprints of the normalised streams."""

from builder.inspect.settings import InspectSettings
from builder.inspect.stage import InspectClips

__all__ = ["InspectClips", "InspectSettings"]
