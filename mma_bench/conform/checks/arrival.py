"""Does each part type arrive, alone and next to others? By the reach probe, in several packings."""

from collections.abc import Collection, Mapping, Sequence

from mma_bench.conform.checks.telling import told_apart
from mma_bench.conform.server import PACKINGS, Server, is_refusal
from mma_bench.conform.stimuli import audio, sample, video
from mma_bench.conform.verdicts import Check, Outcome
from mma_bench.errors import MMABenchError
from mma_bench.probe import probe
from mma_bench.probe.findings import Finding, Verdict
from mma_bench.probe.reach import PASS
from mma_bench.schema import Modality

_ALONE: Mapping[str, tuple[Modality, Mapping[str, str]]] = {
    "video alone": (Modality.VISUAL, {"media": "parts", "streams": "video"}),
    "images alone": (Modality.VISUAL, {"media": "frames", "streams": "video", "fps": "1"}),
    "audio alone": (Modality.AUDIO, {"media": "parts", "streams": "audio"}),
}
_WORDS = {Modality.VISUAL: "video", Modality.AUDIO: "audio"}


def text_check(server: Server) -> Check:
    """Check that the question arrives: the same media with two questions."""
    seen, heard = video("Orange_ball"), audio("Church_bell")
    asked = {str(each): sample(f"text_{each}", each, seen, heard) for each in Modality}
    found = told_apart(Modality.VISUAL, server.ask_twice(asked))
    outcomes = {Verdict.REACHES: Outcome.PASSED, Verdict.MISSING: Outcome.FAILED, Verdict.UNCLEAR: Outcome.UNCLEAR}
    said = {
        Outcome.PASSED: "two questions about the same media get different answers",
        Outcome.FAILED: "two questions about the same media, with different options, get the same answer",
        Outcome.UNCLEAR: found.reason,
    }
    outcome = outcomes[found.verdict]
    return Check("text", outcome, said[outcome], details={"answers": dict(found.answers)})


def arrival_checks(server: Server, packings: Sequence[str], modalities: Collection[Modality]) -> list[Check]:
    """Check every part type alone, and both streams next to each other in each of ``packings``.

    Raises:
        MMABenchError: the server refuses the packing of the options, or cannot be reached.
    """
    # First: an error here is one of the address, the key or the options, and ends the test.
    first = probe(server.model(), modalities=modalities).findings
    server.count(PASS * len(modalities))
    chosen = {one.modality: _name(server.packing, one.modality, modalities) for one in first}
    found: dict[str, Finding | MMABenchError] = {chosen[one.modality]: one for one in first}
    for name, (modality, changes) in _ALONE.items():
        if modality in modalities:
            found[name] = _finding(server, modality, changes)
    for packing in packings:
        if packing != server.packing and len(modalities) > 1:
            for modality in modalities:
                found[_name(packing, modality, modalities)] = _finding(server, modality, PACKINGS[packing])
    reached = {one.modality for one in found.values() if isinstance(one, Finding) and one.verdict is Verdict.REACHES}
    return [_check(name, one, reached, required=name in chosen.values()) for name, one in found.items()]


def _name(packing: str, modality: Modality, modalities: Collection[Modality]) -> str:
    others = [_WORDS[each] for each in modalities if each is not modality]
    return " next to ".join([_WORDS[modality], *others]) + f" ({packing})"


def _finding(server: Server, modality: Modality, changes: Mapping[str, str]) -> Finding | MMABenchError:
    server.count(PASS)
    try:
        return probe(server.model(changes), modalities=(modality,)).findings[0]
    except MMABenchError as error:
        if not is_refusal(error):
            raise
        return error


def _check(name: str, found: Finding | MMABenchError, reached: Collection[Modality], *, required: bool) -> Check:
    if isinstance(found, MMABenchError):
        return Check(name, Outcome.REFUSED, f"the server says that it does not take it: {found}", required)
    details = {"answers": dict(found.answers), "tokens": dict(found.tokens)}
    if found.verdict is Verdict.REACHES:
        return Check(name, Outcome.PASSED, found.reason, required, details)
    if found.verdict is Verdict.UNCLEAR:
        return Check(name, Outcome.UNCLEAR, found.reason, required, details)
    counted = any(count is not None for counts in found.tokens.values() for count in counts)
    if found.modality in reached:
        reason = f"{found.reason}, although the same arrives otherwise: it is dropped without an error"
        return Check(name, Outcome.FAILED, reason, required, details)
    if counted:
        reason = f"{found.reason}, also for media of half the length: it is dropped without an error"
        return Check(name, Outcome.FAILED, reason, required, details)
    reason = f"{found.reason}, and no token counts: it is dropped, or the model takes no notice of it"
    return Check(name, Outcome.UNCLEAR, reason, required, details)
