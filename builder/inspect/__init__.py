"""The `inspect` stage: technical checks of the normalised streams."""

from builder.inspect.step import InspectClips, InspectSettings

__all__ = ["InspectClips", "InspectSettings"]
