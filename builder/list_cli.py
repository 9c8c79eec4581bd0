"""The command `list` of the builder: as `mma-bench list`, and the sources."""

from mma_bench.listing import KINDS, Listing, listing, make_command


def _sources() -> Listing:
    from builder.sources import SOURCES

    return listing(SOURCES)


list_command = make_command({"sources": _sources, **KINDS}, "python -m builder")
