"""What a reader must know before comparing models."""

from collections.abc import Sequence

from mma_bench.probe import Probe, Verdict
from mma_bench.report.runs import ScoredRun, selection_of


def notices_about(runs: Sequence[ScoredRun]) -> list[str]:
    """Return one line for each thing that makes ``runs`` less than comparable, complete or sure."""
    found = []
    for run in runs:
        if missing := run.scores.missing:
            total = missing + len(run.scores.verdicts)
            found.append(
                f"{run.label} has not answered {missing} of {total} questions; its shares are of the answered ones."
            )
        found += [f"{run.label}: {doubt}" for doubt in _doubts(run.probe)]
        found += [f"{run.label}: {deviation}." for deviation in run.deviations]
    if len({selection_of(run.run) for run in runs}) > 1:
        found.append(
            "The runs answered different selections of the questions: compare shares only where n is the same."
        )
    return found


def _doubts(probe: Probe | None) -> list[str]:
    """Return what is not known about the way of the media to the model."""
    if probe is None:
        return []
    if probe.skipped:
        return ["the reach probe was skipped, so it is not known whether video and audio reached the model."]
    return [
        f"the reach probe found {finding.modality} {finding.verdict}: {finding.reason}."
        for finding in probe.findings
        if finding.verdict is not Verdict.REACHES
    ]
