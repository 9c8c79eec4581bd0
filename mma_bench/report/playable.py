"""Which stimuli the report plays."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from mma_bench.dataset.layout import conditions_in_order
from mma_bench.dataset.load import Benchmark, Sample
from mma_bench.evaluation.kinds import Kind, kind_of
from mma_bench.files.atomic import write_bytes
from mma_bench.report.runs import ScoredRun

Shown = tuple[str, str, Kind]
"""Condition, asked modality and what the answer was."""


def choose_playable(benchmark: Benchmark, runs: Sequence[ScoredRun], count: int) -> list[Sample]:
    """Return up to ``count`` stimuli of each media condition.

    A stimulus that misled the first run comes first. The others are chosen so that the answers of the first run,
    the first model under test, show as many different kinds of verdict as possible; among equals the one whose classes
    were not shown yet, then the first by key.
    """
    said: dict[str, set[Shown]] = {}
    for verdict in runs[0].scores.verdicts:
        question = verdict.question
        shown = said.setdefault(verdict.sample.stimulus.key, set())
        shown.add((question.condition, question.modality, kind_of(verdict)))
    by_condition: dict[str, list[Sample]] = {}
    for sample in benchmark.samples:
        if sample.stimulus.key in said:
            by_condition.setdefault(sample.stimulus.condition, []).append(sample)
    chosen: list[Sample] = []
    for condition in conditions_in_order(set(by_condition)):
        chosen += _cover(by_condition[condition], said, count)
    return chosen


def write_media(samples: Sequence[Sample], folder: Path) -> None:
    """Write the streams of each sample as one file, `media/{key}.mp4`."""
    for sample in samples:
        write_bytes(folder / media_path(sample), sample.media.mp4())


def media_path(sample: Sample) -> str:
    """Return where the page finds the streams of ``sample``."""
    return f"media/{sample.stimulus.key}.mp4"


def _cover(samples: Sequence[Sample], said: Mapping[str, set[Shown]], count: int) -> list[Sample]:
    """Return samples that show much of what the others do not, one after the other."""
    left = sorted(samples, key=lambda sample: sample.stimulus.key)
    chosen: list[Sample] = []
    while left and len(chosen) < count:
        covered = {entry for sample in chosen for entry in said[sample.stimulus.key]}
        best = max(left, key=partial(_gain, said=said, covered=covered, classes=_classes(chosen)))
        left.remove(best)
        chosen.append(best)
    return chosen


def _gain(
    sample: Sample, said: Mapping[str, set[Shown]], covered: set[Shown], classes: set[str | None]
) -> tuple[bool, int, int, int]:
    own = said[sample.stimulus.key]
    new_kinds = {kind for _, _, kind in own} - {kind for _, _, kind in covered}
    return Kind.DISTRACTED in new_kinds, len(new_kinds), len(own - covered), len(_classes([sample]) - classes)


def _classes(samples: Sequence[Sample]) -> set[str | None]:
    return {stream.label for sample in samples for stream in (sample.stimulus.video, sample.stimulus.audio)}
