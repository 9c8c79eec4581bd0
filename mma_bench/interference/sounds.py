"""Sounds: decoded from files of any origin, made from formulas, and encoded as a stream."""

import functools
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import first_samples, flac_bytes
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.interference.items import Media

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".wma")
MAX_BYTES = 1 << 30

_DEMUXERS = "wav,w64,flac,mp3,ogg,mov,mp4,m4a,aac,aiff,asf"
_SHORTEST = 0.1
_QUIETEST = 4
"""Peak of 32768 up to which audio counts as silence, as in the cascade."""


def decode_sound(content: bytes, seconds: float) -> "NDArray[np.int16]":
    """Decode the first ``seconds`` of a sound.

    Returns:
        Shape [samples], int16, mono, 16 kHz.

    Raises:
        MMABenchError: it is no sound, is damaged, is too short, or is digital silence.
    """
    import av
    import numpy as np

    try:
        with av.open(io.BytesIO(content), "r", options={"format_whitelist": _DEMUXERS}) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)

            def blocks() -> "Iterator[NDArray[np.int16]]":
                for frame in container.decode(stream):
                    frame.pts = None  # one stream from zero: let the resampler count
                    yield from map(_samples, resampler.resample(frame))
                yield from map(_samples, resampler.resample(None))

            samples: NDArray[np.int16] = first_samples(blocks(), round(seconds * AUDIO_RATE), np.int16)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise MMABenchError("cannot be decoded as a sound; it is damaged or of another format") from error
    if len(samples) < _SHORTEST * AUDIO_RATE:
        raise MMABenchError(f"lasts {len(samples) / AUDIO_RATE:.2f} s; at least {_SHORTEST} s are needed")
    if int(np.abs(samples.astype(np.int32)).max()) <= _QUIETEST:
        raise MMABenchError("is digital silence")
    return samples


def _samples(frame: "av.AudioFrame") -> "NDArray[np.int16]":
    return cast("NDArray[np.int16]", frame.to_ndarray().reshape(-1))


def looped(samples: "NDArray[np.int16]", seconds: float) -> bytes:
    """Return samples as a stream of exactly ``seconds``: cut, or repeated."""
    import numpy as np

    return flac_bytes(np.resize(samples, round(seconds * AUDIO_RATE)))


def from_first_sound(samples: "NDArray[np.int16]") -> "NDArray[np.int16]":
    """Return samples that begin where they are first louder than silence; what came before is put at the end.

    A sound that is played to a short picture would otherwise be silent if it begins silently.

    Raises:
        MMABenchError: all of it is digital silence.
    """
    import numpy as np

    loud = np.abs(samples.astype(np.int32)) > _QUIETEST
    if not loud.any():
        raise MMABenchError("is digital silence")
    return np.roll(samples, -int(loud.argmax()))


def silence() -> Media:
    """Return digital silence."""
    return Media(sha256_json(["silence"]), _silence, origin="silence")


def noise_sound(seed: str, decibels: float) -> Media:
    """Return white noise.

    Args:
        seed: same seed, same noise.
        decibels: root mean square relative to full scale, dB.
    """
    name = sha256_json(["noise_sound", seed, decibels])
    return Media(name, functools.partial(_noise, seed, decibels), origin="altered")


def at_level(samples: "NDArray[np.int16]", decibels: float) -> "NDArray[np.int16]":
    """Return samples whose root mean square is ``decibels`` relative to full scale; peaks are clipped."""
    import numpy as np

    values = samples.astype(np.float64)
    loudness = float(np.sqrt(np.mean(values**2)))
    factor = 32768 * 10 ** (decibels / 20) / loudness if loudness else 0.0
    return np.clip(np.rint(values * factor), -32768, 32767).astype(np.int16)


def _silence(seconds: float) -> bytes:
    import numpy as np

    return flac_bytes(np.zeros(round(seconds * AUDIO_RATE), np.int16))


def _noise(seed: str, decibels: float, seconds: float) -> bytes:
    import numpy as np

    generator = np.random.default_rng(int(sha256_json(seed)[:16], 16))
    values = generator.normal(0, 32768 * 10 ** (decibels / 20), round(seconds * AUDIO_RATE))
    return flac_bytes(np.clip(np.rint(values), -32768, 32767).astype(np.int16))


def levelled(sound: Media, decibels: float) -> Media:
    """Return a sound at another level, see `at_level`."""
    name = sha256_json(["levelled", sound.name, decibels])
    return Media(name, functools.partial(_levelled, sound, decibels), sound.label, "altered", sound.source)


def _levelled(sound: Media, decibels: float, seconds: float) -> bytes:
    return flac_bytes(at_level(decode_sound(sound.read(seconds), seconds), decibels))
