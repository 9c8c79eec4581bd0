"""Another run of the same questions, such as of the model before tuning, to compare with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.statistics import Estimate, paired_difference
from mma_bench.interference.decisions import Decision, read_decisions
from mma_bench.interference.results import Results
from mma_bench.interference.run_head import Head, open_head
from mma_bench.interference.stimuli import CLEAN


@dataclass(frozen=True)
class Difference:
    """One intervention in two runs, over the questions that both answered; intervals are over source items.

    Attributes:
        kind: the kind of task.
        intervention: its label; `clean` for the answers without one.
        pairs: number of questions.
        effect_before: share of changed decisions in the other run.
        effect_after: the same in this run.
        effect: after minus before.
        accuracy_before: share that is right in the other run.
        accuracy_after: the same in this run.
        accuracy: after minus before.
    """

    kind: str
    intervention: str
    pairs: int
    effect_before: float
    effect_after: float
    effect: Estimate
    accuracy_before: float
    accuracy_after: float
    accuracy: Estimate


@dataclass(frozen=True)
class Shared:
    """The decisions about the questions that two runs answered, with the same prompts, in the same order.

    Attributes:
        before: of the other run.
        after: of this run.
    """

    before: Sequence[Decision]
    after: Sequence[Decision]

    def __len__(self) -> int:
        return len(self.after)

    @property
    def text(self) -> str:
        """How many there are, in words."""
        items = len({one.cluster for one in self.after})
        return f"{len(self):,} questions about {items:,} source {'item' if items == 1 else 'items'}"


@dataclass(frozen=True)
class Other:
    """A finished run.

    Attributes:
        label: name of its folder.
        head: what was asked of whom.
        decisions: its decisions.
    """

    label: str
    head: Head
    decisions: Sequence[Decision]

    def shared(self, decisions: Sequence[Decision]) -> Shared:
        """Return what both runs answered.

        Args:
            decisions: of this run.
        """
        before = {(one.question_id, one.prompt): one for one in self.decisions}
        pairs = [(match, one) for one in decisions if (match := before.get((one.question_id, one.prompt)))]
        return Shared([one for one, _ in pairs], [one for _, one in pairs])

    def differences(self, decisions: Sequence[Decision], results: Results) -> list[Difference]:
        """Return how ``decisions`` of another run differ, per kind and intervention.

        Questions count if both runs answered them, with the same prompt.

        Args:
            decisions: of this run.
            results: of this run, for the order.
        """
        shared = self.shared(decisions)
        groups: dict[tuple[str, str], list[tuple[Decision, Decision]]] = {}
        for match, after in zip(shared.before, shared.after, strict=True):
            groups.setdefault((after.kind, after.intervention), []).append((match, after))
        order = [(one.kind, CLEAN) for one in results.clean]
        order += [(one.kind, one.intervention) for one in results.effects]
        return [_difference(groups[place]) for place in order if place in groups]


def open_other(folder: Path, head: Head | None = None, run: Path | None = None) -> Other:
    """Return the run in ``folder``.

    Args:
        folder: a finished run.
        head: of the run to compare with, which must have asked the same.
        run: folder of that one.

    Raises:
        MMABenchError: there is none, it is not finished, asked other questions, or is the same one.
    """
    other = Other(folder.resolve().name, open_head(folder), read_decisions(folder))
    check_other(other, folder, head.asked if head else None, run)
    return other


def check_other(other: Other, folder: Path, asked: tuple[Any, ...] | None, run: Path | None) -> None:
    """Check that a run can be compared with ``other``.

    Args:
        other: a finished run.
        folder: where it is.
        asked: what the run asks, see `Head.asked`; None if that is not known.
        run: folder of the run.

    Raises:
        MMABenchError: both are the same run, or asked other questions.
    """
    if run and run.resolve() == folder.resolve():
        raise MMABenchError(f"--against {folder} is the run itself; name another one")
    if asked and other.head.asked != asked:
        raise MMABenchError(
            f"--against {folder} asked other questions: data, split, columns, protocol, interventions and the folders "
            "of unrelated pictures and sounds must be the same; run it again with the same options"
        )


def _difference(pairs: Sequence[tuple[Decision, Decision]]) -> Difference:
    clusters = [after.cluster for _, after in pairs]
    changed = [[one.changed for one in side] for side in zip(*pairs, strict=True)]
    correct = [[one.correct for one in side] for side in zip(*pairs, strict=True)]
    is_clean = pairs[0][1].intervention == CLEAN
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    return Difference(
        kind=pairs[0][1].kind,
        intervention=pairs[0][1].intervention,
        pairs=len(pairs),
        effect_before=sum(changed[0]) / len(pairs),
        effect_after=sum(changed[1]) / len(pairs),
        effect=nothing if is_clean else paired_difference(changed[0], changed[1], clusters),
        accuracy_before=sum(correct[0]) / len(pairs),
        accuracy_after=sum(correct[1]) / len(pairs),
        accuracy=paired_difference(correct[0], correct[1], clusters),
    )
