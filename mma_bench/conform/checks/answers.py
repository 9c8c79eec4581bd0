"""The fixed questions: are answers repeatable, right, and those of another server of the same model?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from mma_bench.conform.bounds import bounds
from mma_bench.conform.server import Server
from mma_bench.conform.stimuli import fixed_set
from mma_bench.conform.verdicts import Check, Outcome
from mma_bench.dataset.load import Sample
from mma_bench.models import Answer
from mma_bench.parsing import parse_answer
from mma_bench.schema import Modality

TOLERANCE = 0.05
"""Share of unequal answers to the same request that batched kernels may cause, which add in another order each time."""

AGREEMENT = 0.9
"""Share of equal answers of two servers of one model, whose kernels may differ."""

GATE = 0.4
"""Twice what guessing among five options gives: the fixed questions are easy, and a weak model should pass too."""


@dataclass(frozen=True)
class Asked:
    """The fixed questions and their answers.

    Attributes:
        samples: the stimuli, one question each.
        first: answers by key, without the number of the turn.
        second: those of the second time.
        blind: those without media, asked once.
    """

    samples: Sequence[Sample]
    first: Mapping[str, Answer]
    second: Mapping[str, Answer]
    blind: Mapping[str, Answer]

    @property
    def texts(self) -> dict[str, str]:
        """The first answers as text."""
        return {name: answer.text.strip() for name, answer in self.first.items()}

    def right(self, answers: Mapping[str, Answer]) -> list[bool]:
        """Return which of ``answers`` are right, in the order of the samples."""
        return [_label(sample, answers[name_of(sample)].text) == sample.questions[0].answer for sample in self.samples]

    @property
    def clusters(self) -> list[str]:
        """What each question shows, whatever the variation."""
        return [f"{sample.questions[0].modality}/{sample.questions[0].answer}" for sample in self.samples]


def name_of(sample: Sample) -> str:
    """Return the key of a fixed question without its turn."""
    return sample.stimulus.key.rpartition("_")[0]


def chosen(turn: int, modalities: Collection[Modality]) -> list[Sample]:
    """Return the fixed questions about ``modalities``."""
    return [sample for sample in fixed_set(turn) if sample.questions[0].modality in modalities]


def ask_fixed(server: Server, modalities: Collection[Modality]) -> Asked:
    """Ask the fixed questions twice, and once without media."""
    samples = chosen(0, modalities)
    first, second = (_by_name(chosen(turn, modalities), server) for turn in (0, 1))
    return Asked(samples, first, second, _by_name(samples, server, {"media": "none"}))


def repeat_check(asked: Asked, *, samples_answers: bool) -> Check:
    """Check that two equal requests get equal answers.

    Args:
        asked: the fixed questions.
        samples_answers: whether the options ask for answers that are drawn at random.
    """
    name = "equal requests, equal answers"
    if samples_answers:
        return Check(name, Outcome.SKIPPED, "the options ask for sampled answers (temperature above 0, or none)")
    names = [name_of(sample) for sample in asked.samples]
    unequal = [asked.first[each].text.strip() != asked.second[each].text.strip() for each in names]
    return equality(name, unequal, asked.clusters, "asked twice at temperature 0")


def equality(name: str, unequal: Sequence[bool], clusters: Sequence[str], how: str) -> Check:
    """Return the check that answers to equal requests are equal, but for `TOLERANCE`."""
    found = bounds(unequal, clusters)
    said = f"{sum(unequal)} of {len(unequal)} answers differed when {how}"
    details = {"unequal": asdict(found), "tolerance": TOLERANCE}
    if found.low > TOLERANCE:
        reason = f"{said}: with 95% confidence more than {found.low:.0%} do, and {TOLERANCE:.0%} may"
        return Check(name, Outcome.FAILED, reason, details=details)
    return Check(name, Outcome.PASSED, f"{said}; with 95% confidence at most {found.high:.0%} do", details=details)


def gate_check(asked: Asked, gate: float) -> Check:
    """Check that the fixed questions are answered rightly more often than ``gate``, with 95% confidence."""
    name = "accuracy gate"
    found = bounds(asked.right(asked.first), asked.clusters)
    blind = bounds(asked.right(asked.blind), asked.clusters)
    said = (
        f"{found.value:.0%} of {len(asked.samples)} fixed questions right, {blind.value:.0%} without media; "
        f"with 95% confidence at least {found.low:.0%}, at most {found.high:.0%}"
    )
    details = {"accuracy": asdict(found), "without_media": asdict(blind), "gate": gate, "by_stimulus": _by_kind(asked)}
    if found.low > gate:
        return Check(name, Outcome.PASSED, f"{said}; above the gate of {gate:.0%}", details=details)
    if found.high < gate:
        return Check(name, Outcome.FAILED, f"{said}; below the gate of {gate:.0%}", details=details)
    return Check(name, Outcome.UNCLEAR, f"{said}; the gate of {gate:.0%} is in between", details=details)


def reference_check(asked: Asked, reference: Mapping[str, str]) -> Check:
    """Check that the answers are those of another server of the same model.

    Args:
        asked: the fixed questions.
        reference: the other's answers by name; those to questions that were not asked here are left out.
    """
    name = "answers of the reference"
    pairs = [(sample, reference[name_of(sample)]) for sample in asked.samples if name_of(sample) in reference]
    if not pairs:
        return Check(name, Outcome.UNCLEAR, "the reference answered none of these questions")
    equal = [_decision(sample, asked.first[name_of(sample)].text) == _decision(sample, text) for sample, text in pairs]
    found = bounds(equal, [f"{sample.questions[0].modality}/{sample.questions[0].answer}" for sample, _ in pairs])
    said = (
        f"{sum(equal)} of {len(equal)} answers name the same option as the reference; "
        f"with 95% confidence at least {found.low:.0%} do, at most {found.high:.0%}"
    )
    details = {"agreement": asdict(found), "expected": AGREEMENT}
    if found.high < AGREEMENT:
        return Check(name, Outcome.FAILED, f"{said}, and {AGREEMENT:.0%} should", details=details)
    outcome = Outcome.PASSED if found.value >= AGREEMENT else Outcome.UNCLEAR
    return Check(name, outcome, said, details=details)


def naming_check(asked: Asked) -> Check:
    """Note which models the replies name."""
    named = sorted({answer.served_by for answer in asked.first.values() if answer.served_by})
    name, details = "model named in replies", {"named": named}
    if not named:
        return Check(name, Outcome.SKIPPED, "replies name no model", required=False)
    outcome = Outcome.PASSED if len(named) == 1 else Outcome.UNCLEAR
    return Check(name, outcome, ", ".join(named), required=False, details=details)


def _by_name(samples: Sequence[Sample], server: Server, changes: Mapping[str, str] | None = None) -> dict[str, Answer]:
    found = server.ask(samples, changes)
    return {name_of(sample): found[sample.stimulus.key] for sample in samples}


def _by_kind(asked: Asked) -> dict[str, float]:
    right = dict[str, list[bool]]()
    for kind, hit in zip(asked.clusters, asked.right(asked.first), strict=True):
        right.setdefault(kind, []).append(hit)
    return {kind: sum(hits) / len(hits) for kind, hits in right.items()}


def _label(sample: Sample, text: str) -> str | None:
    (question,) = sample.questions
    return parse_answer(text, question.options, modality=str(question.modality)).label


def _decision(sample: Sample, text: str) -> str:
    """Return the option that a text names, or the text if it names none."""
    return _label(sample, text) or text.strip().casefold()
