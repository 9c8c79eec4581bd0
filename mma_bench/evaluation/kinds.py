"""One word for what an answer was, with its definition."""

from enum import StrEnum

from mma_bench.evaluation.verdict import Verdict
from mma_bench.parsing import Outcome


class Kind(StrEnum):
    """What an answer was."""

    RIGHT = "right"
    DISTRACTED = "distracted"
    WRONG = "wrong"
    ABSTAINED = "abstained"
    SEVERAL = "several"
    UNPARSED = "unparsed"
    HALLUCINATED = "hallucinated"
    RIGHTLY_ABSTAINED = "rightly abstained"

    @property
    def slug(self) -> str:
        """The kind as a name for style sheets."""
        return self.value.replace(" ", "-")


DEFINITIONS: dict[Kind, str] = {
    Kind.RIGHT: "names the class of the modality that was asked about",
    Kind.DISTRACTED: "names the class that another modality, or the caption, suggests",
    Kind.WRONG: "names some other class",
    Kind.ABSTAINED: "declines to choose, though the asked modality is there",
    Kind.SEVERAL: "names several classes and settles on none",
    Kind.UNPARSED: "no class was recognised in the answer",
    Kind.HALLUCINATED: "names the clip's class in a modality that was removed and cannot be perceived",
    Kind.RIGHTLY_ABSTAINED: "declines to choose, and the asked modality was removed",
}


def kind_of(verdict: Verdict) -> Kind:
    """Return what an answer was."""
    answerable = verdict.question.answerable
    match verdict.outcome:
        case Outcome.ABSTAINED:
            return Kind.ABSTAINED if answerable else Kind.RIGHTLY_ABSTAINED
        case Outcome.SEVERAL:
            return Kind.SEVERAL
        case Outcome.UNPARSED:
            return Kind.UNPARSED
    if verdict.correct:
        return Kind.RIGHT if answerable else Kind.HALLUCINATED
    return Kind.DISTRACTED if verdict.distracted else Kind.WRONG
