"""The command `list` of the builder: like `mma-bench list`, plus the sources."""

from builder.pipeline import BUILD
from mma_bench.cli.list import KINDS
from mma_bench.console.listing import Listing, listing, make_command


def _sources() -> Listing:
    from builder.sources import SOURCES

    return listing(SOURCES)


def _checks() -> Listing:
    from builder.inspect.checks import CHECKS

    return listing(CHECKS)


def _voices() -> Listing:
    from builder.voices import VOICES

    return listing(VOICES)


def _stages() -> Listing:
    from builder.own_stages import STAGES
    from mma_bench.registry import BUILT_IN, Registered

    own = listing(STAGES)
    ours = [Registered(entry.name, entry.load, entry.does, BUILT_IN) for entry in BUILD]
    return Listing([*ours, *own.entries], own.problems)


list_command = make_command(
    {"sources": _sources, "checks": _checks, "stages": _stages, "voices": _voices, **KINDS}, "python -m builder"
)
