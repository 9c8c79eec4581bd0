"""Where `builder.assemble.conditions` finds graded streams until it imports them from `builder.streams`."""

from builder.streams.graded import GradedStreams

__all__ = ["GradedStreams"]
