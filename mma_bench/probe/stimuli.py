"""Stimuli that differ in one modality alone."""

import functools

from mma_bench import prompts
from mma_bench.hashing import sha256_bytes
from mma_bench.loader import Sample
from mma_bench.media import Media, flac_bytes
from mma_bench.probe.signals import PICTURE_NAMES, SECONDS, SOUND_NAMES, sound, video_bytes
from mma_bench.schema import Modality, Question, Stimulus, Stream

NAMES = {Modality.VISUAL: PICTURE_NAMES, Modality.AUDIO: SOUND_NAMES}

_COMPANION = {Modality.VISUAL: "Hissing_noise", Modality.AUDIO: "Chessboard"}
"""What the other modality carries meanwhile: it hints at none of the options."""

REPEATS = 2
"""Each stimulus is asked about twice: a difference counts only where the same input gave the same answer."""


def samples(modality: Modality, *, seconds: float = SECONDS) -> list[Sample]:
    """Return the stimuli whose ``modality`` differs, each `REPEATS` times.

    Args:
        modality: what differs, and what is asked about, in the wording of the benchmark.
        seconds: length of that stream. The other one lasts `SECONDS` in any case.
    """
    made = []
    for name in NAMES[modality]:
        seen, heard = (name, _COMPANION[modality]) if modality is Modality.VISUAL else (_COMPANION[modality], name)
        video = _video(seen, seconds if modality is Modality.VISUAL else SECONDS)
        audio = _audio(heard, seconds if modality is Modality.AUDIO else SECONDS)
        made += [_sample(modality, name, (seen, video), (heard, audio), turn) for turn in range(REPEATS)]
    return made


@functools.lru_cache(maxsize=32)
def _video(name: str, seconds: float) -> bytes:
    return video_bytes(name, seconds)


@functools.lru_cache(maxsize=32)
def _audio(name: str, seconds: float) -> bytes:
    return flac_bytes(sound(name, seconds))


def _sample(modality: Modality, name: str, video: tuple[str, bytes], audio: tuple[str, bytes], turn: int) -> Sample:
    key = f"probe_{modality}_{name}_{turn}"
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
        video=_stream(*video),
        audio=_stream(*audio),
        seconds=SECONDS,
        questions=[question],
    )
    media = Media(key=key, read_video=lambda: video[1], read_audio=lambda: audio[1], seconds=SECONDS)
    return Sample(stimulus, [question], media)


def _stream(name: str, content: bytes) -> Stream:
    return Stream(origin="clip", clip_id=f"probe_{name}", label=name, sha256=sha256_bytes(content), seconds=SECONDS)
