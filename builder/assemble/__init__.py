"""The `assemble` stage: choose partners, streams and questions. Nothing is encoded again."""

from builder.assemble.settings import AssembleSettings
from builder.assemble.step import AssembleStimuli, read_stimuli

__all__ = ["AssembleSettings", "AssembleStimuli", "read_stimuli"]
