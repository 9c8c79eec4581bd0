"""Files of pictures and sounds of unknown origin, as media that are decoded when they are asked about."""

import functools
from pathlib import Path

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_bytes, sha256_json
from mma_bench.files.regular import read_inside
from mma_bench.interference import pictures, sounds
from mma_bench.interference.items import Media
from mma_bench.interference.protocol import Protocol

Reader = functools.partial[bytes]
"""Returns the content of a file or of a cell of a table."""


def picture_of(content: bytes, read: "Reader", protocol: Protocol, label: str | None, source: str) -> Media:
    """Return a picture after decoding it once.

    Args:
        content: of the file, now.
        read: returns it again.
        protocol: its largest size.
        label: its class.
        source: its name.

    Raises:
        MMABenchError: it cannot be decoded; the message begins with a verb.
    """
    pictures.decode_picture(content, protocol.picture_pixels)
    name = sha256_bytes(content)
    show = functools.partial(_still, read, name, protocol.picture_pixels)
    return Media(sha256_json(["picture", name, protocol.picture_pixels]), show, label, source=source)


def sound_of(content: bytes, read: "Reader", protocol: Protocol, label: str | None, source: str) -> tuple[Media, float]:
    """Return a sound after decoding it once, and its length in seconds; see `picture_of`."""
    samples = sounds.decode_sound(content, protocol.sound_seconds)
    name = sha256_bytes(content)
    play = functools.partial(_sound, read, name, protocol.sound_seconds)
    media = Media(sha256_json(["sound", name, protocol.sound_seconds]), play, label, source=source)
    return media, round(len(samples) / AUDIO_RATE, 3)


def heard_sound_of(content: bytes, read: "Reader", protocol: Protocol, label: str | None, source: str) -> Media:
    """Return a sound that is heard for however short it is played: from its first sample that is not silent.

    Arguments and errors are those of `sound_of`, which plays a sound from its beginning.
    """
    sounds.decode_sound(content, protocol.sound_seconds)
    name = sha256_bytes(content)
    play = functools.partial(_heard, read, name, protocol.sound_seconds)
    return Media(sha256_json(["heard sound", name, protocol.sound_seconds]), play, label, source=source)


def file_reader(folder: Path, name: str, limit: int) -> "Reader":
    """Return what reads a file below ``folder``."""
    return functools.partial(read_inside, folder, name, limit)


def _still(read: "Reader", name: str, pixels: int, seconds: float) -> bytes:
    return pictures.still_video(pictures.decode_picture(_same(read, name), pixels), seconds)


def _sound(read: "Reader", name: str, longest: float, seconds: float) -> bytes:
    return sounds.looped(sounds.decode_sound(_same(read, name), longest), seconds)


def _heard(read: "Reader", name: str, longest: float, seconds: float) -> bytes:
    samples = sounds.decode_sound(_same(read, name), longest)
    return sounds.looped(sounds.from_first_sound(samples), seconds)


def _same(read: "Reader", name: str) -> bytes:
    try:
        content = read()
    except OSError as error:
        raise MMABenchError(f"a file that was readable before is not now: {error}; run the command again") from error
    if sha256_bytes(content) != name:
        raise MMABenchError("a picture or sound changed while it was asked about; run the command again")
    return content
