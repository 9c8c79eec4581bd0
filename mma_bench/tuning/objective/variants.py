"""Variants of samples for the consistency term: what the question does not ask about changes, the target stays.

Here conditions (`mma_bench.conditions`) are applied to tensors, and to whichever stream is irrelevant.

Samples of every condition have one, including those already in conflict. Donors are other samples of the same step, so
a variant needs no reading, and only streams that no sample of the step has must be encoded.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mma_bench.conditions import MEDIA, Part
from mma_bench.streaming.conflicts import TEXT_CONFLICTS
from mma_bench.tuning.example import Asked, Example
from mma_bench.tuning.fillers import NOISES, Fillers

_IRRELEVANT = {Asked.VISUAL: ("audio",), Asked.AUDIO: ("video",), Asked.TEXT: ("video", "audio"), Asked.BOTH: ()}
"""Streams that the answer does not depend on. If it depends on the other stream, the text is irrelevant too."""

_Other = tuple[Any, str, str | None]
"""A stream with its key and its label."""

_Exchange = Callable[[Example, str, Sequence[Example], Fillers, random.Random], _Other | None]
"""Returns another stream for ``video`` or ``audio``, or None."""


def conflict_variants(
    examples: Sequence[Example],
    donors: Sequence[Example],
    kinds: Sequence[str],
    fillers: Fillers,
    generator: random.Random,
) -> list[tuple[int, Example]]:
    """Return a variant of each example that has one, with the index of its original.

    Args:
        examples: the samples that are trained on together.
        donors: samples that may lend a stream.
        kinds: what may change: `removed`, `noise`, `white`, or a condition. In the modality that is not asked about,
            `misaligned` takes the stream of a clip of another class, `removed` silence or black frames, `noise` noise,
            `white` white frames; text conditions, such as `misleading_caption`, change the text. One kind is drawn per
            sample, among those that change something; a question that needs both modalities has none.
        fillers: streams without information.
        generator: of the draws.
    """
    found = []
    for index, example in enumerate(examples):
        drawn = generator.sample(list(kinds), len(kinds))
        variants = (_variant(example, donors, kind, fillers, generator) for kind in drawn)
        if variant := next((variant for variant in variants if variant), None):
            found.append((index, variant))
    return found


def _variant(
    example: Example, donors: Sequence[Example], kind: str, fillers: Fillers, generator: random.Random
) -> Example | None:
    streams = _IRRELEVANT[example.asked]
    if kind in TEXT_CONFLICTS:
        if len(streams) != 1:
            return None
        labels = example.video_label, example.audio_label
        return replace(example, question=TEXT_CONFLICTS[kind](example.question, labels, generator))
    changed = example
    for stream in streams:
        exchange = _FILLED.get(kind) or _exchange(kind, stream, example)
        other = exchange(example, stream, donors, fillers, generator) if exchange else None
        if other and other[1] != getattr(example, f"{stream}_key"):
            names = (stream, f"{stream}_key", f"{stream}_label")
            changed = replace(changed, **dict(zip(names, other, strict=True)))
    return None if changed is example else changed


def _exchange(kind: str, stream: str, example: Example) -> _Exchange | None:
    """Return what a media condition does, done to ``stream``: what it shows in place of a clip's own one."""
    name = {"video": "frames_zeroed", "audio": "audio_removed"}[stream] if kind == REMOVED else kind
    chosen = MEDIA[name]((example.video_label, example.audio_label))
    parts = {chosen.video, chosen.audio} - {"own"} if chosen else set()
    return _EXCHANGES[parts.pop()] if len(parts) == 1 else None


def _lent(
    example: Example, stream: str, donors: Sequence[Example], fillers: Fillers, generator: random.Random
) -> _Other | None:
    known = None, example.question.answer, getattr(example, f"{stream}_label")
    lenders = [donor for donor in donors if getattr(donor, f"{stream}_label") not in known]
    if not lenders:
        return None
    donor = generator.choice(lenders)
    return getattr(donor, stream), getattr(donor, f"{stream}_key"), getattr(donor, f"{stream}_label")


def _removed(
    example: Example, stream: str, donors: Sequence[Example], fillers: Fillers, generator: random.Random
) -> _Other:
    if stream == "audio":
        return *fillers.silence(example.audio.shape[1]), None
    return *fillers.black(example.video.grid), None


def _noise(
    example: Example, stream: str, donors: Sequence[Example], fillers: Fillers, generator: random.Random
) -> _Other:
    number = generator.randrange(NOISES)
    if stream == "audio":
        return *fillers.audio_noise(example.audio.shape[1], number), None
    return *fillers.noise(example.video.grid, number), None


def _white(
    example: Example, stream: str, donors: Sequence[Example], fillers: Fillers, generator: random.Random
) -> _Other | None:
    return None if stream == "audio" else (*fillers.white(example.video.grid), None)


_EXCHANGES: dict[Part, _Exchange] = {"donor": _lent, "none": _removed}
_FILLED: dict[str, _Exchange] = {"noise": _noise, "white": _white}

REMOVED = "removed"
"""Silence or black frames: `audio_removed` or `frames_zeroed`, whichever is not asked about."""
KINDS = (REMOVED, *_FILLED)
"""What may change besides conditions."""
