"""Synthetic voices, for the condition `spoken_label`. A voice is one file here, or a class of a package."""

from builder.voices import espeak_ng  # noqa: F401  (it registers itself)
from builder.voices.registry import VOICES, NoVoiceError, Voice, find_voice, voice

__all__ = ["VOICES", "NoVoiceError", "Voice", "find_voice", "voice"]
