"""Computes the verdict from answers, as a pure function."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations

from pydantic import ConfigDict

from mma_bench.models.interface import Answer
from mma_bench.schema import Checked, Modality

_NOISE_FACTOR = 10.0
_LEAST_DIFFERENCE = 1e-3
"""Scores of different stimuli must differ by this much, in nats, and by this multiple of the spread of repetitions:
batched kernels add in a different order each time."""


class Verdict(StrEnum):
    """Whether a modality reaches the model."""

    REACHES = "reaches"
    MISSING = "does not reach"
    UNCLEAR = "unclear"


class Finding(Checked):
    """What was found about one modality.

    Attributes:
        modality: which.
        verdict: whether it reaches the model.
        reason: the basis of the verdict, in words.
        answers: the model's answers to each stimulus, each time.
        tokens: input tokens of each stimulus, each time; none if the model does not count them.
        short_tokens: the same for stimuli with half the length of the modality, if that was needed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    modality: Modality
    verdict: Verdict
    reason: str
    answers: Mapping[str, Sequence[str]]
    tokens: Mapping[str, Sequence[int | None]]
    short_tokens: Mapping[str, Sequence[int | None]] = {}


class Probe(Checked):
    """The findings about a model, or that the probe was skipped.

    Attributes:
        skipped: whether the probe was skipped.
        findings: one per modality.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    skipped: bool = False
    findings: Sequence[Finding] = ()

    @property
    def missing(self) -> list[Finding]:
        """Findings of modalities that do not reach the model."""
        return [finding for finding in self.findings if finding.verdict is Verdict.MISSING]

    @property
    def unclear(self) -> list[Finding]:
        """Findings of modalities with an unclear result."""
        return [finding for finding in self.findings if finding.verdict is Verdict.UNCLEAR]


Heard = Mapping[str, Sequence[Answer]]
"""The answers about each stimulus, one per repetition."""


def judge(modality: Modality, answers: Heard, short: Heard | None = None) -> Finding:
    """Return the finding about ``modality``.

    If a model gives different answers to the same input, its words carry no information, but its token counts and
    scores do. If a model that repeats itself exactly gives the same answer to everything, nothing arrives.

    Args:
        modality: what differs between the stimuli.
        answers: about stimuli of full length.
        short: about stimuli of half the length, if the first answers showed no difference.
    """
    verdict, reason = _verdict(answers, short or {})
    return Finding(
        modality=modality,
        verdict=verdict,
        reason=reason,
        answers={name: [answer.text for answer in said] for name, said in answers.items()},
        tokens=_tokens(answers),
        short_tokens=_tokens(short or {}),
    )


def _verdict(answers: Heard, short: Heard) -> tuple[Verdict, str]:
    texts = {name: {answer.text.strip() for answer in said} for name, said in answers.items()}
    steady = all(len(said) == 1 for said in texts.values())
    different = len({text for said in texts.values() for text in said})
    if steady and different > 1:
        return Verdict.REACHES, f"{len(texts)} stimuli got {different} different answers, each the same twice"
    if (difference := _score_difference(answers)) is not None:
        return Verdict.REACHES, f"log-likelihoods of the options differ by {difference:.3g} nats"
    if _counts_differ(answers, short):
        return Verdict.REACHES, (
            "token counts change with what is sent, though the answers do not: it arrives, but the model makes little "
            "of it"
        )
    if not steady:
        return Verdict.UNCLEAR, "the same stimulus got different answers, and token counts do not tell"
    if not any(text for said in texts.values() for text in said):
        return Verdict.UNCLEAR, "all answers are empty, and token counts do not tell"
    counted = " and token counts" if any(answer.input_tokens is not None for answer in _all(answers)) else ""
    return Verdict.MISSING, f"{len(texts)} stimuli that differ plainly got the same answers{counted}"


def _score_difference(answers: Heard) -> float | None:
    """Return the difference of the options' scores between stimuli, or None if repetitions differ as much."""
    if any(not answer.option_scores for answer in _all(answers)):
        return None
    apart = [_distance(a, b) for one, other in combinations(answers.values(), 2) for a in one for b in other]
    same = [_distance(a, b) for said in answers.values() for a, b in combinations(said, 2)]
    largest, noise = max(apart, default=0.0), max(same, default=0.0)
    return largest if largest > max(_LEAST_DIFFERENCE, _NOISE_FACTOR * noise) else None


def _distance(one: Answer, other: Answer) -> float:
    shared = one.option_scores.keys() & other.option_scores.keys()
    return max((abs(one.option_scores[name] - other.option_scores[name]) for name in shared), default=0.0)


def _counts_differ(answers: Heard, short: Heard) -> bool:
    """Return whether token counts differ between stimuli but not between repetitions of a stimulus."""
    counts = [[answer.input_tokens for answer in said] for heard in (answers, short) for said in heard.values()]
    if any(None in count or len(set(count)) != 1 for count in counts):
        return False
    if len({count[0] for count in counts[: len(answers)]}) > 1:
        return True
    # The same name at another length, so that only the media differ.
    return any(short[name][0].input_tokens != answers[name][0].input_tokens for name in short if name in answers)


def _tokens(answers: Heard) -> dict[str, list[int | None]]:
    return {name: [answer.input_tokens for answer in said] for name, said in answers.items()}


def _all(answers: Heard) -> list[Answer]:
    return [answer for said in answers.values() for answer in said]
