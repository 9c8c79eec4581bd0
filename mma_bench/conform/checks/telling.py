"""Can stimuli be told apart by the answers? With a control, for what is at risk of being lost."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from mma_bench.conform.server import Server, is_refusal
from mma_bench.conform.verdicts import Check, Outcome
from mma_bench.dataset.load import Sample
from mma_bench.errors import MMABenchError
from mma_bench.models import Answer
from mma_bench.probe.findings import Finding, Verdict, judge
from mma_bench.schema import Modality


def told_apart(modality: Modality, answers: Mapping[str, list[Answer]]) -> Finding:
    """Return whether words or likelihoods follow the stimuli; token counts, which only count, are left out."""
    return judge(modality, {name: [replace(one, input_tokens=None) for one in said] for name, said in answers.items()})


def kept(
    server: Server,
    name: str,
    modality: Modality,
    at_risk: Callable[[], Mapping[str, Sample]],
    control: Callable[[], Mapping[str, Sample]],
    *,
    words: tuple[str, str],
    lost: Outcome = Outcome.FAILED,
    required: bool = True,
) -> Check:
    """Check that what might be lost arrives.

    Args:
        server: the server.
        name: of the check.
        modality: what is asked about.
        at_risk: makes stimuli that differ only in what might be lost.
        control: makes stimuli that differ in the same way where nothing is lost.
        words: what is at risk, and what the control is.
        lost: the outcome if it does not arrive although the control does.
        required: whether a server conforms only if it arrives.
    """
    try:
        found = told_apart(modality, server.ask_twice(at_risk()))
    except MMABenchError as error:
        if not is_refusal(error):
            raise
        return Check(name, Outcome.REFUSED, f"the server says that it does not take it: {error}", required)
    if found.verdict is Verdict.REACHES:
        return Check(name, Outcome.PASSED, f"{words[0]}: {found.reason}", required)
    other = told_apart(modality, server.ask_twice(control()))
    details = {"answers": dict(found.answers), "control": dict(other.answers)}
    if found.verdict is Verdict.MISSING and other.verdict is Verdict.REACHES:
        reason = f"{words[0]} changes nothing ({found.reason}), but {words[1]} does ({other.reason})"
        return Check(name, lost, reason, required, details)
    if other.verdict is Verdict.REACHES:
        reason = f"{words[0]}: {found.reason}"
    else:
        reason = f"the model does not tell {words[1]} apart either ({other.reason}), so this says nothing of the server"
    return Check(name, Outcome.UNCLEAR, reason, required, details)
