"""All analyses of one run, from its verdicts alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mma_bench.evaluation.analyses.abstention import Abstention, abstentions
from mma_bench.evaluation.analyses.baselines import Baseline, baselines
from mma_bench.evaluation.analyses.calibration import Calibration, calibrations
from mma_bench.evaluation.analyses.changes import Change, changes
from mma_bench.evaluation.analyses.competence import CompetenceSplit, competence_splits
from mma_bench.evaluation.analyses.doses import DoseResponse, dose_responses
from mma_bench.evaluation.analyses.joint import JointAccuracy, joint_accuracies
from mma_bench.evaluation.analyses.power import Power, powers
from mma_bench.evaluation.analyses.registry import ANALYSES, Analyser, compute_own
from mma_bench.evaluation.analyses.reliance import Reliance, reliances
from mma_bench.evaluation.analyses.sensitivity import Sensitivity, sensitivities
from mma_bench.evaluation.analyses.table import VerdictTable
from mma_bench.evaluation.statistics import Average

STANDARD = ("standard",)


@dataclass(frozen=True)
class Analysis:
    """Everything a report shows of one run besides its table of accuracies.

    Attributes:
        variants: wordings that the headline numbers average over.
        abstentions: by modality; for the headline wordings, then for ``none_present`` where it was asked.
        competence: losses split into what competence lacks and what interference takes.
        joint: both questions about a stimulus right.
        changes: every condition against ``aligned``, with McNemar's test after Holm's correction.
        power: smallest difference that each of these comparisons could show.
        reliance: which modality answers follow under conflict.
        doses: graded conditions.
        calibration: where the model gave option scores.
        sensitivity: to the order of options and the wording of captions.
        baselines: what the labels alone give.
        own: the rows of users' analyses by name (`mma_bench.evaluation.analyses.registry`).
    """

    variants: Sequence[str]
    abstentions: Sequence[Abstention]
    competence: Sequence[CompetenceSplit]
    joint: Sequence[JointAccuracy]
    changes: Sequence[Change]
    power: Sequence[Power]
    reliance: Sequence[Reliance]
    doses: Sequence[DoseResponse]
    calibration: Sequence[Calibration]
    sensitivity: Sequence[Sensitivity]
    baselines: Sequence[Baseline]
    own: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def rows(self, name: str) -> Sequence[Any]:
        """Return the rows of an analysis by its name in `scores.json`; none if the run has no such analysis."""
        rows: Sequence[Any] = self.own.get(name, getattr(self, name, ()))
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return plain values; shares are rounded to six digits, and what could not be computed is null."""
        plain: dict[str, Any] = _plain(asdict(self))
        own: dict[str, Any] = plain.pop("own")
        return {**plain, **own}


def analyse(table: VerdictTable, variants: Sequence[str] = STANDARD, average: Average = "micro") -> Analysis:
    """Compute all analyses. The same table gives the same numbers.

    Args:
        table: all verdicts of a run.
        variants: wordings that the headline numbers average over.
        average: over questions or classes, for what is compared with the table of accuracies.
    """
    whole = table.take(~np.isfinite(table.level))  # doses of a graded condition are no repetitions of each other
    changed = changes(whole, variants, average)
    offered = abstentions(whole, ("none_present",))
    return Analysis(
        variants=tuple(variants),
        abstentions=[*abstentions(whole, variants), *offered],
        competence=competence_splits(whole, variants, average),
        joint=joint_accuracies(whole, variants),
        changes=changed,
        power=powers(changed),
        reliance=reliances(whole, variants),
        doses=dose_responses(table, variants),
        calibration=calibrations(whole, STANDARD),
        sensitivity=sensitivities(whole),
        baselines=baselines(table, STANDARD),
        own=compute_own(whole, variants),
    )


_FURTHER = {
    "competence": "Losses split into missing competence and interference",
    "changes": "Every condition against aligned, with McNemar's test",
    "power": "Smallest difference that each comparison could show",
    "doses": "Accuracy over the levels of graded conditions",
    "calibration": "Confidence of option scores against accuracy",
    "sensitivity": "Sensitivity to wording",
    "baselines": "What the labels alone give",
}
"""Analyses that take more than a table and wordings, or whose table shows more than their fields: see `analyse`."""

for _name, _title in _FURTHER.items():
    ANALYSES.add(_name, Analyser(_name, _title, {}, "", None, ""), analyse, _title)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
