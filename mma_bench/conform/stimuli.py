"""Stimuli of the test: any video with any audio, and a question in the benchmark's words."""

import functools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.conform import signals
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media, flac_bytes
from mma_bench.files.hashing import sha256_bytes
from mma_bench.probe.signals import FRAME_RATE, encode_video
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question, Stimulus, Stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS = 4.0
"""Length of ordinary stimuli."""

COMPANION = {Modality.VISUAL: "Hissing_noise", Modality.AUDIO: "Chessboard"}
"""The constant content of the modality that is not asked about."""

EMPTY = {Modality.VISUAL: "Black_screen", Modality.AUDIO: "Silence"}
NAMES = {Modality.VISUAL: signals.PICTURES, Modality.AUDIO: signals.SOUNDS}
OPTIONS = {modality: (*NAMES[modality], EMPTY[modality]) for modality in Modality}


@dataclass(frozen=True)
class Clip:
    """A stream as a file.

    Attributes:
        name: what it is, for reports.
        content: mp4 or flac.
        seconds: its length.
    """

    name: str
    content: bytes
    seconds: float


@functools.lru_cache(maxsize=96)
def video(name: str, seconds: float = SECONDS, variation: int = 0) -> Clip:
    """Return a video of one thing."""
    frames = round(seconds * FRAME_RATE)
    return Clip(name, encode_video(lambda index: signals.picture(name, index, variation), frames), seconds)


@functools.lru_cache(maxsize=96)
def audio(name: str, seconds: float = SECONDS, variation: int = 0) -> Clip:
    """Return audio of one thing."""
    return Clip(name, flac_bytes(signals.sound(name, seconds, variation)), seconds)


def drawn(name: str, frame: "Callable[[int], NDArray[np.uint8]]", seconds: float = SECONDS) -> Clip:
    """Return a video of any frames."""
    return Clip(name, encode_video(frame, round(seconds * FRAME_RATE)), seconds)


def played(name: str, samples: "NDArray[np.int16]") -> Clip:
    """Return audio of any samples, shape [samples], int16, mono, 16 kHz."""
    from mma_bench.dataset.columns import AUDIO_RATE

    return Clip(name, flac_bytes(samples), len(samples) / AUDIO_RATE)


def sample(
    key: str,
    modality: Modality,
    seen: Clip,
    heard: Clip,
    *,
    options: Sequence[str] | None = None,
) -> Sample:
    """Return a stimulus with one question.

    Args:
        key: its name.
        modality: what is asked about, with the options of `OPTIONS`.
        seen: the video, whose length is that of the stimulus.
        heard: the audio, not longer than the video.
        options: the same options in another order.
    """
    listed = list(OPTIONS[modality] if options is None else options)
    question = Question(
        question_id=f"{key}/conform/{modality}",
        condition="probe",
        modality=modality,
        prompt=prompts.question(modality, listed),
        options=listed,
        answer=(seen if modality is Modality.VISUAL else heard).name,
        distractor=None,
        answerable=True,
    )
    streams = [
        Stream(
            origin="clip",
            clip_id=f"conform_{one.name}",
            label=one.name,
            sha256=sha256_bytes(one.content),
            seconds=one.seconds,
        )
        for one in (seen, heard)
    ]
    stimulus = Stimulus(
        key=key,
        condition="probe",
        split="test",
        video=streams[0],
        audio=streams[1],
        seconds=seen.seconds,
        questions=[question],
    )
    media = Media(key, lambda: seen.content, lambda: heard.content, seen.seconds)
    return Sample(stimulus, [question], media)


def fixed_set(turn: int) -> list[Sample]:
    """Return the fixed questions: every picture and sound in every variation, with the options in an order of its own.

    Args:
        turn: 0 or 1; only the names of the stimuli differ, and their order, which is reversed.
    """
    made = []
    for modality in Modality:
        for name in NAMES[modality]:
            for variation in range(signals.VARIATIONS):
                options = list(OPTIONS[modality])
                random.Random(f"{name}/{variation}").shuffle(options)  # noqa: S311
                seen, heard = video(COMPANION[Modality.AUDIO]), audio(COMPANION[Modality.VISUAL])
                if modality is Modality.VISUAL:
                    seen = video(name, SECONDS, variation)
                else:
                    heard = audio(name, SECONDS, variation)
                made.append(sample(f"{name}_{variation}_{turn}", modality, seen, heard, options=options))
    return made[::-1] if turn else made
