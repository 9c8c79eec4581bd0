"""Where `builder.assemble.conditions` finds generated streams until it imports them from `builder.streams`."""

from builder.streams.generated import GeneratedStreams

__all__ = ["GeneratedStreams"]
