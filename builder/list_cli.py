"""The command `list` of the builder: like `mma-bench list`, plus the sources."""

from mma_bench.cli.list import KINDS
from mma_bench.console.listing import Listing, listing, make_command


def _sources() -> Listing:
    from builder.sources import SOURCES

    return listing(SOURCES)


def _checks() -> Listing:
    from builder.inspect.checks import CHECKS

    return listing(CHECKS)


list_command = make_command({"sources": _sources, "checks": _checks, **KINDS}, "python -m builder")
