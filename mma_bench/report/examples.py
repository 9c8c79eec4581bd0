"""Stimuli to play, with what each model said about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mma_bench.atomic import write_bytes
from mma_bench.evaluation.scores import Verdict
from mma_bench.loader import Benchmark, Sample
from mma_bench.report.excerpts import Excerpt, excerpt, visible
from mma_bench.report.facts import ordered_conditions
from mma_bench.report.runs import ScoredRun
from mma_bench.report.verdicts import Kind, kind_of
from mma_bench.schema import Modality, Question, Stream


@dataclass(frozen=True)
class Said:
    """One model's answer to one question; ``text`` is raw, ``answer`` fit to be shown."""

    model: str
    is_baseline: bool
    text: str
    answer: Excerpt
    label: str | None
    rule: str
    kind: Kind


@dataclass(frozen=True)
class Asked:
    """One question with the answers to it."""

    question_id: str
    condition: str
    modality: Modality
    prompt: Excerpt
    answer: str
    distractor: str | None
    answerable: bool
    said: Sequence[Said]


@dataclass(frozen=True)
class Example:
    """One stimulus to play.

    Attributes:
        key: name of the stimulus.
        condition: media condition.
        media: path of the muxed mp4, relative to the page.
        seen: what the picture shows.
        heard: what the sound is.
        video_clip_id: clip of the picture, none for black frames.
        audio_clip_id: clip of the sound, none for silence.
        seconds: length.
        questions: what was asked about it.
    """

    key: str
    condition: str
    media: str
    seen: str
    heard: str
    video_clip_id: str | None
    audio_clip_id: str | None
    seconds: float
    questions: Sequence[Asked]


def choose_examples(benchmark: Benchmark, runs: Sequence[ScoredRun], count: int) -> list[Sample]:
    """Return up to ``count`` stimuli of each media condition.

    They are chosen so that the answers of the first run, the first model under test, show as many different
    kinds of verdict as possible; among equals the one whose classes were not shown yet, then the first by key.
    """
    said: dict[str, set[tuple[str, str, Kind]]] = {}
    for verdict in runs[0].scores.verdicts:
        question = verdict.question
        shown = said.setdefault(verdict.sample.stimulus.key, set())
        shown.add((question.condition, question.modality, kind_of(verdict)))
    by_condition: dict[str, list[Sample]] = {}
    for sample in benchmark.samples:
        if sample.stimulus.key in said:
            by_condition.setdefault(sample.stimulus.condition, []).append(sample)
    chosen: list[Sample] = []
    for condition in ordered_conditions(set(by_condition)):
        chosen += _cover(by_condition[condition], said, count)
    return chosen


def _cover(samples: Sequence[Sample], said: Mapping[str, set[tuple[str, str, Kind]]], count: int) -> list[Sample]:
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
    sample: Sample,
    said: Mapping[str, set[tuple[str, str, Kind]]],
    covered: set[tuple[str, str, Kind]],
    classes: set[str | None],
) -> tuple[int, int, int]:
    own = said[sample.stimulus.key]
    new_kinds = {kind for _, _, kind in own} - {kind for _, _, kind in covered}
    return len(new_kinds), len(own - covered), len(_classes([sample]) - classes)


def _classes(samples: Sequence[Sample]) -> set[str | None]:
    return {stream.label for sample in samples for stream in (sample.stimulus.video, sample.stimulus.audio)}


def describe_examples(samples: Sequence[Sample], runs: Sequence[ScoredRun]) -> list[Example]:
    """Return what the page shows of ``samples``."""
    keys = {sample.stimulus.key for sample in samples}
    verdicts: dict[str, list[tuple[ScoredRun, Verdict]]] = {}
    for run in runs:
        for verdict in run.scores.verdicts:
            if verdict.sample.stimulus.key in keys:
                verdicts.setdefault(verdict.question.question_id, []).append((run, verdict))
    return [
        Example(
            key=sample.stimulus.key,
            condition=sample.stimulus.condition,
            media=f"media/{sample.stimulus.key}.mp4",
            seen=_shown(sample.stimulus.video),
            heard=_shown(sample.stimulus.audio),
            video_clip_id=sample.stimulus.video.clip_id,
            audio_clip_id=sample.stimulus.audio.clip_id,
            seconds=sample.stimulus.seconds,
            questions=[_asked(q, verdicts.get(q.question_id, [])) for q in sample.questions],
        )
        for sample in samples
    ]


def write_media(samples: Sequence[Sample], folder: Path) -> None:
    """Write the streams of each sample as one file, `media/{key}.mp4`."""
    for sample in samples:
        write_bytes(folder / "media" / f"{sample.stimulus.key}.mp4", sample.media.mp4())


def _shown(stream: Stream) -> str:
    generated = {"black": "black frames", "silence": "silence"}
    return generated.get(stream.origin) or visible(stream.label or "", one_line=True)


def _asked(question: Question, said: Sequence[tuple[ScoredRun, Verdict]]) -> Asked:
    return Asked(
        question_id=question.question_id,
        condition=question.condition,
        modality=question.modality,
        prompt=excerpt(question.prompt),
        answer=question.answer,
        distractor=question.distractor,
        answerable=question.answerable,
        said=[
            Said(
                model=run.label,
                is_baseline=run.is_baseline,
                text=verdict.text,
                answer=excerpt(verdict.text),
                label=verdict.label,
                rule=verdict.rule,
                kind=kind_of(verdict),
            )
            for run, verdict in said
        ],
    )
