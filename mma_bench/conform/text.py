"""The result in words, for people."""

from mma_bench.conform.verdicts import Check, Conclusion, Conformance, Outcome
from mma_bench.files.text import visible

_SHOWN = 400
_CLAIMS = {
    Conclusion.CONFORMS: "Everything that was sent reached the model, as far as these tests can tell, and the answers "
    "are repeatable and better than guessing. It does not say that the model is good.",
    Conclusion.FAILS: "Something is lost or changed between the request and the model, counts are wrong, or equal "
    "requests get different answers. Checks of losses compare with a control, so the model's skill is not the reason; "
    "of a failed accuracy gate alone it may be.",
    Conclusion.NOT_SHOWN: "No check failed, but at least one cannot tell the server from the model. That is no proof "
    "against the server: try a stronger model behind it, token counts, or logprobs.",
}


def as_text(found: Conformance) -> str:
    """Return the conclusion, a line per check, and what the conclusion claims."""
    width = max(len(check.name) for check in found.checks)
    lines = [f"{visible(found.model, one_line=True)}: {found.conclusion}"]
    lines += [_line(check, width) for check in found.checks]
    return "\n".join([*lines, _CLAIMS[found.conclusion]])


def _line(check: Check, width: int) -> str:
    outcome = str(check.outcome).upper() if check.outcome is Outcome.FAILED else str(check.outcome)
    reason = visible(check.reason, one_line=True)
    short = reason if len(reason) <= _SHOWN else f"{reason[:_SHOWN]}..."
    return f"  {outcome:<8} {check.name:<{width}}  {short}{'' if check.required else ' (for information)'}"
