"""Stimuli that differ in only one modality."""

import functools

from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media, flac_bytes
from mma_bench.files.hashing import sha256_bytes
from mma_bench.probe.signals import PICTURE_NAMES, SECONDS, SOUND_NAMES, sound, video_bytes
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question, Stimulus, Stream

NAMES = {Modality.VISUAL: PICTURE_NAMES, Modality.AUDIO: SOUND_NAMES}

_COMPANION = {Modality.VISUAL: "Hissing_noise", Modality.AUDIO: "Chessboard"}
"""The constant content of the other modality, which suggests none of the options."""

REPEATS = 2
"""Each stimulus is asked about twice: a difference counts only if the same input gave the same answer."""

_ORDERS = ((0, 1, 2, 3, 4), (2, 4, 1, 3, 0))
"""Order of the stimuli in each turn. Answers that change with a counter, whatever its period from 2 to 9 and whether
they change every time or every few times, give at least one stimulus two different answers; an immediate repetition or
a reversed order would not."""

_HEARD_SECONDS = SECONDS / 2
"""Length of the audio while videos differ: it fits into the shorter video, so that only the video gets shorter."""


def samples(modality: Modality, turn: int, *, seconds: float = SECONDS) -> list[Sample]:
    """Return the stimuli whose ``modality`` differs, in the order of one turn.

    Args:
        modality: the modality that differs and is asked about, in the wording of the benchmark.
        turn: 0 to `REPEATS` - 1.
        seconds: length of that modality. The other one always has the same length, in bytes and as a model gets it from
            `Media`: frames are sampled over `Media.seconds`, which therefore follows the video.
    """
    made = []
    for place in _ORDERS[turn]:
        name = NAMES[modality][place]
        if modality is Modality.VISUAL:
            seen, heard, shown = (name, seconds), (_COMPANION[modality], _HEARD_SECONDS), seconds
        else:
            seen, heard, shown = (_COMPANION[modality], SECONDS), (name, seconds), SECONDS
        made.append(_sample(modality, name, seen, heard, shown, turn))
    return made


@functools.lru_cache(maxsize=32)
def _video(name: str, seconds: float) -> bytes:
    return video_bytes(name, seconds)


@functools.lru_cache(maxsize=32)
def _audio(name: str, seconds: float) -> bytes:
    return flac_bytes(sound(name, seconds))


def _sample(
    modality: Modality, name: str, seen: tuple[str, float], heard: tuple[str, float], seconds: float, turn: int
) -> Sample:
    key = f"probe_{modality}_{name}_{turn}"
    video, audio = _video(*seen), _audio(*heard)
    question = Question(
        question_id=f"{key}/probe/{modality}",
        condition="probe",
        modality=modality,
        prompt=prompts.question(modality, NAMES[modality]),
        options=list(NAMES[modality]),
        answer=name,
        distractor=None,
        answerable=True,
    )
    stimulus = Stimulus(
        key=key,
        condition="probe",
        split="test",
        video=_stream(*seen, video),
        audio=_stream(*heard, audio),
        seconds=seconds,
        questions=[question],
    )
    media = Media(key=key, read_video=lambda: video, read_audio=lambda: audio, seconds=seconds)
    return Sample(stimulus, [question], media)


def _stream(name: str, seconds: float, content: bytes) -> Stream:
    return Stream(origin="clip", clip_id=f"probe_{name}", label=name, sha256=sha256_bytes(content), seconds=seconds)
