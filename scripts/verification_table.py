"""Measure a verifier: how many true clips it accepts, and how many clips with a swapped sound it rejects.

    python scripts/verification_table.py --demo mma-bench --real real-bench --model cascade --out table.md

Both folders are built datasets with all media conditions. The classes of the demo, sorted, are dealt out in turn:
thresholds are tuned on every second class, all numbers are of the others and of the real clips. Swapped
clips are drawn within each half, so that no stream serves both tuning and report.
"""

import json
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

import mma_bench
from builder.verify.checks import CHECKS, checks_of
from mma_bench.console.group import named_options
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.statistics import wilson
from mma_bench.models import CheckAnswer, Model
from mma_bench.models import load as load_model
from mma_bench.parsing import read_yes_no
from mma_bench.schema import Modality

MUTED, BLACK, FULL = "audio_removed", "frames_zeroed", "aligned"
WANTED_REJECTION = 0.9


@dataclass(frozen=True)
class Clip:
    """The stimuli of one clip of a dataset, by condition."""

    clip_id: str
    visual_label: str
    audio_label: str
    by_condition: dict[str, Sample]


@dataclass(frozen=True)
class Claim:
    """What the verifier is asked to confirm: a video, a sound, and the class that each is said to be."""

    kind: str
    video: Clip
    sound: Clip
    visual_label: str
    audio_label: str
    true: dict[Modality, bool]


@dataclass(frozen=True)
class Result:
    claim: Claim
    answers: dict[str, CheckAnswer]

    def accepted(self) -> bool:
        return all(read_yes_no(answer.text) == "yes" for answer in self.answers.values())


def read_clips(path: Path) -> tuple[list[Clip], list[str]]:
    """Return the clips of a dataset and its class names."""
    benchmark = mma_bench.load(path)
    found: dict[str, dict[str, Sample]] = {}
    for sample in benchmark.samples:
        streams = (sample.stimulus.video.clip_id, sample.stimulus.audio.clip_id)
        if sample.stimulus.condition in (MUTED, BLACK):
            found.setdefault(str(streams[0] or streams[1]), {})[sample.stimulus.condition] = sample
        elif streams[0] == streams[1]:  # aligned, or misaligned as it was recorded
            found.setdefault(str(streams[0]), {})[FULL] = sample
    clips = [
        Clip(name, str(own[FULL].stimulus.video.label), str(own[FULL].stimulus.audio.label), own)
        for name, own in sorted(found.items())
        if len(own) == 3
    ]
    return clips, list(benchmark.samples[0].questions[0].options)


def true_claims(clips: Iterable[Clip]) -> list[Claim]:
    both = {Modality.VISUAL: True, Modality.AUDIO: True}
    return [
        Claim(
            "true" if clip.visual_label == clip.audio_label else "disagreeing, own labels",
            clip,
            clip,
            clip.visual_label,
            clip.audio_label,
            both,
        )
        for clip in clips
    ]


def false_claims(video: Clip, sound: Clip, kind: str) -> list[Claim]:
    """Return the two claims that a video and a sound of different classes are of one class."""
    picture, heard = video.visual_label, sound.audio_label
    return [
        Claim(
            f"{kind}, label of the video",
            video,
            sound,
            picture,
            picture,
            {Modality.VISUAL: True, Modality.AUDIO: False},
        ),
        Claim(
            f"{kind}, label of the audio", video, sound, heard, heard, {Modality.VISUAL: False, Modality.AUDIO: True}
        ),
    ]


def swapped_claims(clips: Sequence[Clip], swaps: int, seed: int) -> list[Claim]:
    generator = random.Random(seed)
    made = []
    for video in clips:
        others = [clip for clip in clips if clip.audio_label not in (video.visual_label, video.audio_label)]
        for sound in generator.sample(others, min(swaps, len(others))):
            made += false_claims(video, sound, "swapped")
    return made


def ask(model: Model, claims: Sequence[Claim], classes: Sequence[str]) -> list[Result]:
    """Ask all checks of all claims; equal streams are read and encoded once by the models that share them."""
    requests, owners = [], {}
    for number, claim in enumerate(claims):
        for condition, checks in checks_of(claim.visual_label, claim.audio_label, classes).items():
            sample = stimulus_of(claim, condition, f"claim{number}_{condition}")
            owners[sample.stimulus.key] = number
            requests.append((sample, checks))
    answers: list[dict[str, CheckAnswer]] = [{} for _ in claims]
    for sample, answered in model.check_all(requests):
        answers[owners[sample.stimulus.key]].update({answer.name: answer for answer in answered})
    return [Result(claim, found) for claim, found in zip(claims, answers, strict=True)]


def stimulus_of(claim: Claim, condition: str, key: str) -> Sample:
    if condition == MUTED:
        sample = claim.video.by_condition[MUTED]
    elif condition == BLACK:
        sample = claim.sound.by_condition[BLACK]
    else:
        video, sound = claim.video.by_condition[FULL], claim.sound.by_condition[FULL]
        streams = {"video": video.stimulus.video, "audio": sound.stimulus.audio}
        seconds = min(stream.seconds for stream in streams.values())
        media = Media(key, video.media.read_video, sound.media.read_audio, seconds)
        sample = replace(video, stimulus=video.stimulus.changed(**streams, seconds=seconds), media=media)
    return replace(sample, stimulus=sample.stimulus.changed(key=key))


def streams_asked(
    results: Sequence[Result], check: str, modality: Modality
) -> dict[tuple[str, str], tuple[Result, bool]]:
    """Return for each stream and label, counted once, a result and whether the label is true."""
    visual = modality is Modality.VISUAL
    return {
        (result.claim.video.clip_id, result.claim.visual_label)
        if visual
        else (result.claim.sound.clip_id, result.claim.audio_label): (result, result.claim.true[modality])
        for result in results
        if check in result.answers
    }


def tuned_thresholds(results: Sequence[Result], check: str, modality: Modality) -> tuple[float, float] | None:
    """Return the lowest and highest yes probability that accept the most true labels and reject 90% of false ones."""
    asked = streams_asked(results, check, modality).values()
    scored = [(result.answers[check].yes_probability, true) for result, true in asked]
    known = [(probability, true) for probability, true in scored if probability is not None]
    false = [probability for probability, true in known if not true]
    best: dict[int, list[float]] = {}
    for threshold in sorted({probability for probability, _ in known}):
        if sum(probability < threshold for probability in false) >= WANTED_REJECTION * len(false):
            accepted = sum(true and probability >= threshold for probability, true in known)
            best.setdefault(accepted, []).append(threshold)
    plateau = best[max(best)] if best else []
    return (plateau[0], plateau[-1]) if plateau else None


def rows_of(name: str, results: Sequence[Result]) -> list[tuple[str, str, str, int, int]]:
    """Return (set, kind, wanted, count as wanted, claims) for each kind of claim."""
    rows = []
    for kind in sorted(
        {result.claim.kind for result in results}, key=lambda kind: ("swapped" in kind or "recorded" in kind, kind)
    ):
        group = [result for result in results if result.claim.kind == kind]
        should = all(all(result.claim.true.values()) for result in group)
        right = sum(result.accepted() == should for result in group)
        rows.append((name, kind, "accepted" if should else "rejected", right, len(group)))
    return rows


def check_rows(name: str, results: Sequence[Result]) -> list[tuple[str, str, str, int, int]]:
    """Return the same for each check alone, each stream and label counted once."""
    rows = []
    for kind in CHECKS:
        asked = streams_asked(results, kind.name, kind.modality).values()
        for wanted in (True, False):
            group = [result.answers[kind.name].text for result, true in asked if true is wanted]
            right = sum((read_yes_no(text) == "yes") is wanted for text in group)
            rows.append((name, f"`{kind.name}` alone", "accepted" if wanted else "rejected", right, len(group)))
    return rows


def markdown(rows: Iterable[tuple[str, str, str, int, int]]) -> str:
    lines = ["| set | claims | should be | are | share, 95% interval |", "|---|---|---|---:|---:|"]
    for name, kind, wanted, right, total in rows:
        low, high = wilson(right / total, total)
        lines.append(
            f"| {name} | {kind} | {wanted} | {right} of {total} | {right / total:.0%} ({low:.0%}-{high:.0%}) |"
        )
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--demo", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--real", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--model", "name", default="cascade", show_default=True)
@click.option("--model-option", "options", multiple=True, metavar="NAME=VALUE")
@click.option("--swaps", default=5, show_default=True, help="Swapped sounds a clip.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Markdown; the answers go beside it as JSON."
)
def main(demo: Path, real: Path, name: str, options: tuple[str, ...], swaps: int, seed: int, out: Path) -> None:
    model = load_model(name, named_options(options))
    clips, classes = read_clips(demo)
    dealt = sorted({clip.visual_label for clip in clips})
    halves = {part: [clip for clip in clips if dealt.index(clip.visual_label) % 2 == part] for part in (0, 1)}
    tuning, report = (
        ask(model, true_claims(half) + swapped_claims(half, swaps, seed), classes) for half in (halves[0], halves[1])
    )
    real_clips, real_classes = read_clips(real)
    agreeing = [clip for clip in real_clips if clip.visual_label == clip.audio_label]
    recorded = [
        claim
        for clip in real_clips
        if clip.visual_label != clip.audio_label
        for claim in false_claims(clip, clip, "mismatched as recorded")
    ]
    on_real = ask(model, true_claims(real_clips) + recorded + swapped_claims(agreeing, swaps, seed), real_classes)
    sets = {"demo, tuning half": tuning, "demo, other half": report, "real clips": on_real}
    text = markdown(row for label, results in sets.items() for row in rows_of(label, results))
    text += "\n" + markdown(row for label, results in list(sets.items())[1:] for row in check_rows(label, results))
    out.write_text(text, encoding="utf-8")
    dump = [
        {
            "set": label,
            "claim": result.claim.kind,
            "video": result.claim.video.clip_id,
            "sound": result.claim.sound.clip_id,
            "labels": [result.claim.visual_label, result.claim.audio_label],
            "answers": {check: [answer.text, answer.yes_probability] for check, answer in result.answers.items()},
        }
        for label, results in sets.items()
        for result in results
    ]
    out.with_suffix(".json").write_text(json.dumps(dump, indent=1), encoding="utf-8")
    click.echo(text)
    click.echo(f"tuning half: {len(halves[0])} clips of {', '.join(dealt[::2])}; other half: {len(halves[1])} clips")
    for kind in CHECKS:
        plateau = tuned_thresholds(tuning, kind.name, kind.modality)
        click.echo(f"best thresholds of the yes probability on the tuning half, {kind.name}: {plateau}")


if __name__ == "__main__":
    try:
        main()
    except (MMABenchError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
