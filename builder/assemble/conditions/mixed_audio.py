"""The clip's sound mixed with its partner's, at a level in dB of the partner's over its own."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builder.assemble.conditions.registry import Assembly, Streams, graded_condition
from builder.media_folder import clip_file
from builder.streams.own import own_video
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import flac_bytes, read_flac
from mma_bench.errors import MMABenchError
from mma_bench.schema import Clip, Modality, Stream

_LARGEST = 32767


@graded_condition(lambda assembly, clip: assembly.donor_to_join(clip, Modality.AUDIO) is not None)
def mixed_audio(assembly: Assembly, clip: Clip, level: float) -> Streams | None:
    """The clip's video with both sounds, as long as both are heard."""
    donor = assembly.donor_to_join(clip, Modality.AUDIO)
    if donor is None:
        return None

    def encode(path: Path) -> float:
        own, other = (read_flac(clip_file(assembly.folder, c.clip_id, "flac")) for c in (clip, donor))
        mixed = mix(own, other, level)
        path.write_bytes(flac_bytes(mixed))
        return len(mixed) / AUDIO_RATE

    recipe = ["mixed_audio", clip.audio_sha256, donor.audio_sha256, level]
    try:
        sha256, seconds = assembly.graded.make("flac", recipe, encode)
    except SilentSoundError:
        return None
    return own_video(clip), Stream(
        origin="mixed",
        clip_id=clip.clip_id,
        donor_clip_id=donor.clip_id,
        label=clip.audio_label,
        donor_label=donor.audio_label,
        sha256=sha256,
        seconds=seconds,
    )


class SilentSoundError(MMABenchError):
    """One of two sounds is silent where both are heard: no gain gives a level."""


def mix(own: NDArray[np.int16], other: NDArray[np.int16], level: float) -> NDArray[np.int16]:
    """Mix two sounds over the length of the shorter.

    The mix is as loud as ``own``, so that only the level changes over the levels, and softer where its peaks
    would clip. Loudness is the root mean square over the common length, added up in whole numbers: the same on
    every machine.

    Args:
        own: shape [samples], int16.
        other: shape [samples], int16.
        level: loudness of ``other`` over ``own``, dB.

    Returns:
        Shape [min of both], int16.

    Raises:
        SilentSoundError: one of them is digital silence over the common length.
    """
    length = min(len(own), len(other))
    a, b = own[:length].astype(np.int64), other[:length].astype(np.int64)
    energy, other_energy, common = int(a @ a), int(b @ b), int(a @ b)
    if not energy or not other_energy:
        raise SilentSoundError("a sound that is silent cannot be mixed at a level")
    gain = math.sqrt(energy / other_energy) * 10 ** (level / 20)
    mixed_energy = energy + 2 * gain * common + gain**2 * other_energy
    if mixed_energy <= 0:
        raise SilentSoundError("the two sounds cancel each other")
    mixed = (a + gain * b) * math.sqrt(energy / mixed_energy)
    peak = float(np.abs(mixed).max())
    if peak > _LARGEST:
        mixed *= _LARGEST / peak
    return np.rint(mixed).astype(np.int16)
