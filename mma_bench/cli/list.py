"""The command `mma-bench list`."""

from collections.abc import Callable, Mapping

from mma_bench.console.listing import Listing, listing, make_command
from mma_bench.registry import BUILT_IN, Registered


def _models() -> Listing:
    from mma_bench.models import MODELS

    return listing(MODELS)


def _wrappers() -> Listing:
    from mma_bench.models.wrappers import WRAPPERS

    return listing(WRAPPERS)


def _conditions() -> Listing:
    from mma_bench.schema import CONDITIONS

    return listing(CONDITIONS)


def _protocols() -> Listing:
    from mma_bench.evaluation.protocols import load_protocol
    from mma_bench.evaluation.protocols.protocol import NAMES

    return Listing([Registered(name, None, load_protocol(name).description, BUILT_IN) for name in NAMES])


def _analyses() -> Listing:
    from mma_bench.evaluation.analyses.registry import ANALYSES

    return listing(ANALYSES)


def _formats() -> Listing:
    from mma_bench.export.formats import FORMATS

    return listing(FORMATS)


def _variants() -> Listing:
    from mma_bench.questions import VARIANTS

    return listing(VARIANTS)


def _terms() -> Listing:
    from mma_bench.tuning.objective.registry import TERMS

    return listing(TERMS)


def _parts() -> Listing:
    from mma_bench.diagnosis.parts import load_parts
    from mma_bench.diagnosis.registry import PARTS

    load_parts()
    return listing(PARTS)


def _interventions() -> Listing:
    from mma_bench.interference.interventions import INTERVENTIONS

    return listing(INTERVENTIONS)


def _architectures() -> Listing:
    from mma_bench.models.omni.thinker import ARCHITECTURES

    return listing(ARCHITECTURES)


def _families() -> Listing:
    from mma_bench.models.plain.family import FAMILIES, load_families

    load_families()
    return listing(FAMILIES)


KINDS: Mapping[str, Callable[[], Listing]] = {
    "models": _models,
    "wrappers": _wrappers,
    "conditions": _conditions,
    "variants": _variants,
    "protocols": _protocols,
    "analyses": _analyses,
    "formats": _formats,
    "terms": _terms,
    "parts": _parts,
    "interventions": _interventions,
    "architectures": _architectures,
    "families": _families,
}
"""What `mma-bench list` knows."""


list_command = make_command(KINDS, "mma-bench")
