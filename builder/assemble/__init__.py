"""The `assemble` stage: choose partners, streams and questions. Nothing is encoded again."""

from builder.assemble.settings import AssembleSettings
from builder.assemble.step import AssembleStimuli, check_conditions, read_stimuli

__all__ = ["AssembleSettings", "AssembleStimuli", "check_conditions", "read_stimuli"]
