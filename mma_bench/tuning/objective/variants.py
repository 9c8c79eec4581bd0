"""Conflict variants of samples: what the question does not ask about is exchanged, the target stays.

Donors are other samples of the same step, so a variant costs neither reading nor encoding.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from mma_bench.models.transformers_omni.frames import Patches
from mma_bench.schema import Modality
from mma_bench.streaming.conflicts import TEXT_CONFLICTS
from mma_bench.tuning.example import Emptiness, Example, black_key, silence_key
from mma_bench.tuning.settings import ALIGNED


def conflict_variants(
    examples: Sequence[Example],
    donors: Sequence[Example],
    kinds: Sequence[str],
    empty: Emptiness,
    generator: random.Random,
) -> list[tuple[int, Example]]:
    """Return a variant of each aligned example, with the index of its original.

    Args:
        examples: the samples that are trained on together.
        donors: samples that may lend a stream.
        kinds: what may be exchanged: `misaligned` takes the other stream of a clip of another class, `removed` takes
            silence or black frames, `misleading_caption` lies in the text. One is drawn for each sample, among those
            that the donors allow.
        empty: black frames and silence.
        generator: of the draws.
    """
    found = []
    for index, example in enumerate(examples):
        if example.question.condition != ALIGNED or not example.question.answerable:
            continue
        drawn = generator.sample(list(kinds), len(kinds))
        variants = (_variant(example, donors, kind, empty, generator) for kind in drawn)
        if variant := next((variant for variant in variants if variant), None):
            found.append((index, variant))
    return found


def _variant(
    example: Example, donors: Sequence[Example], kind: str, empty: Emptiness, generator: random.Random
) -> Example | None:
    if kind == "misaligned":
        return _swapped(example, donors, generator)
    if kind == "removed":
        return _removed(example, empty)
    labels = example.video_label, example.audio_label
    question = TEXT_CONFLICTS[kind](example.question, labels, generator)
    return replace(example, question=question)


def _swapped(example: Example, donors: Sequence[Example], generator: random.Random) -> Example | None:
    answer = example.question.answer
    if example.asked is Modality.VISUAL:
        lenders = [donor for donor in donors if donor.audio_label not in (None, answer)]
    else:
        lenders = [donor for donor in donors if donor.video_label not in (None, answer)]
    if not lenders:
        return None
    donor = generator.choice(lenders)
    if example.asked is Modality.VISUAL:
        return replace(example, audio=donor.audio, audio_key=donor.audio_key, audio_label=donor.audio_label)
    return replace(example, video=donor.video, video_key=donor.video_key, video_label=donor.video_label)


def _removed(example: Example, empty: Emptiness) -> Example:
    if example.asked is Modality.VISUAL:
        frames = example.audio.shape[1]
        silence = empty.silence[:, None].expand(-1, frames)
        return replace(example, audio=silence, audio_key=silence_key(frames), audio_label=None)
    grid = example.video.grid
    black = Patches(empty.black.expand(len(example.video.pixels), -1), grid)
    return replace(example, video=black, video_key=black_key(grid), video_label=None)
