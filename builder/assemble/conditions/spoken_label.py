"""A wrong class, said by a synthetic voice over the clip's audio: does the model follow what it is told by ear?

The sentence, the pause and the repetition are those of the spoken-label attack on MMA-Bench's clips by its authors
(arXiv 2604.03995). They use one loudness; here the loudness relative to the clip's audio is the level, and the result
is as loud as the clip's own audio, as in `mixed_audio`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builder.assemble.conditions.mixed_audio import SilentSoundError, mix
from builder.assemble.conditions.registry import Assembly, Streams, graded_condition
from builder.media_folder import clip_file
from builder.streams.own import own_video
from builder.voices import find_voice
from builder.voices.registry import spoken
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import flac_bytes, read_flac
from mma_bench.schema import Clip, Stream

SENTENCE = "This is an object of {}"
PAUSE_SECONDS = 0.3


@graded_condition(lambda assembly, clip: assembly.label_target(clip) is not None)
def spoken_label(assembly: Assembly, clip: Clip, level: float) -> Streams | None:
    """The clip's video, and its audio with the voice over all of it; a clip shorter than the sentence takes no part."""
    target = assembly.label_target(clip)
    if target is None:
        return None
    name, text = assembly.settings.voice, SENTENCE.format(target.replace("_", " "))
    sentence = spoken(name, text)
    if min(clip.video_seconds, clip.audio_seconds) < len(after_pause(sentence)) / AUDIO_RATE:
        return None  # it would end before the class is said, which is the last word

    def encode(path: Path) -> float:
        own = read_flac(clip_file(assembly.folder, clip.clip_id, "flac"))
        mixed = mix(own, repeated(sentence, len(own)), level)
        path.write_bytes(flac_bytes(mixed))
        return len(mixed) / AUDIO_RATE

    recipe = ["spoken_label", clip.audio_sha256, text, find_voice(name).version(), level]
    try:
        sha256, seconds = assembly.graded.make("flac", recipe, encode)
    except SilentSoundError:
        return None
    audio = Stream(
        origin="spoken",
        clip_id=clip.clip_id,
        label=clip.audio_label,
        donor_label=target,
        sha256=sha256,
        seconds=seconds,
    )
    return own_video(clip), audio


def repeated(sentence: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """Return a sentence again and again, each time after a pause, shape [length]."""
    return np.resize(after_pause(sentence), length)


def after_pause(sentence: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the pause and a sentence, shape [samples]."""
    return np.concatenate([np.zeros(round(PAUSE_SECONDS * AUDIO_RATE), np.int16), sentence])
