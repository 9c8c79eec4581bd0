"""What was found about a server."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What a check found.

    `UNCLEAR`: the model, not the server, may be the reason, so nothing is said about the server. `REFUSED`: the server
    said that it does not take this input, which is not a silent loss. `SKIPPED`: nothing to measure.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNCLEAR = "unclear"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: what was checked.
        outcome: what was found.
        reason: on what it rests, in words.
        required: whether the server conforms only if the check passed.
        details: the numbers behind it.
    """

    name: str
    outcome: Outcome
    reason: str
    required: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


class Conclusion(StrEnum):
    """What follows from all checks."""

    STOPPED = "not tested to the end"
    CONFORMS = "conforms"
    NOT_SHOWN = "not shown to conform"
    FAILS = "does not conform"


@dataclass(frozen=True)
class Conformance:
    """All checks of a server.

    Attributes:
        model: name of the model, with the server's address.
        settings: options and settings of the test.
        checks: what was found.
        answers: the answers to the fixed questions by question, to compare another server of the same model with.
        error: why the test ended before all was asked, if it did.
    """

    model: str
    settings: Mapping[str, Any]
    checks: Sequence[Check]
    answers: Mapping[str, str]
    error: str = ""

    @property
    def conclusion(self) -> Conclusion:
        """Fails if any check failed; conforms if every required one passed, or was refused in words."""
        if self.error:
            return Conclusion.STOPPED
        if any(check.outcome is Outcome.FAILED for check in self.checks):
            return Conclusion.FAILS
        shown = (Outcome.PASSED, Outcome.REFUSED, Outcome.SKIPPED)
        if all(check.outcome in shown for check in self.checks if check.required):
            return Conclusion.CONFORMS
        return Conclusion.NOT_SHOWN

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        from mma_bench import __version__

        return {
            "model": self.model,
            "conclusion": str(self.conclusion),
            "mma_bench": __version__,
            "settings": dict(self.settings),
            "checks": [{**asdict(check), "outcome": str(check.outcome)} for check in self.checks],
            "answers": dict(self.answers),
            **({"error": self.error} if self.error else {}),
        }
