"""Stage `verify`: a model answers four yes/no questions about each clip, and all must be yes."""

from builder.verify.settings import VerifySettings

__all__ = ["VerifySettings"]
