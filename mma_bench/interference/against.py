"""Another run of the same questions, such as of the model before tuning, to compare with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.statistics import Estimate, paired_difference
from mma_bench.interference.decisions import Decision, read_decisions
from mma_bench.interference.results import Results, results_of
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

    @property
    def results(self) -> Results:
        """Its results."""
        return results_of(self.decisions, self.head.protocol.interventions_listed, 0)

    def differences(self, decisions: Sequence[Decision], results: Results) -> list[Difference]:
        """Return how ``decisions`` of another run differ, per kind and intervention.

        Questions count if both runs answered them, with the same prompt.

        Args:
            decisions: of this run.
            results: of this run, for the order.
        """
        before = {(one.question_id, one.prompt): one for one in self.decisions}
        groups: dict[tuple[str, str], list[tuple[Decision, Decision]]] = {}
        for after in decisions:
            if match := before.get((after.question_id, after.prompt)):
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
    if run and run.resolve() == folder.resolve():
        raise MMABenchError(f"--against {folder} is the run itself; name another one")
    if head and other.head.asked != head.asked:
        raise MMABenchError(
            f"--against {folder} asked other questions: data, split, columns, protocol, interventions and the folders "
            "of unrelated pictures and sounds must be the same; run it again with the same options"
        )
    return other


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
