"""Clearly different audio and video, generated from formulas: no data set, no file, no randomness.

Each is as typical of its name as a formula allows, because even a weak model must distinguish them. One is empty
(silence, black): presence against absence is the clearest difference.
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mma_bench.dataset.columns import AUDIO_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS = 6.0
SIZE = 224
FRAME_RATE = 10

_PERIOD = 80
"""Frames after which everything that moves is where it was."""

_LOUD = 12_000
"""Peak, of 32768."""


def sound(name: str, seconds: float = SECONDS) -> "NDArray[np.int16]":
    """Return the audio called ``name``, shape [samples], int16, mono, 16 kHz."""
    import numpy as np

    time = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    wave = _SOUNDS[name](time)
    peak = float(np.abs(wave).max())
    return np.rint(wave * (_LOUD / peak if peak else 0.0)).astype(np.int16)


def picture(name: str, frame: int) -> "NDArray[np.uint8]":
    """Return a frame of the video called ``name``, shape [SIZE, SIZE, 3], uint8, RGB; it cannot be written to."""
    return _picture(name, frame % _PERIOD)


@functools.lru_cache(maxsize=192)
def _picture(name: str, frame: int) -> "NDArray[np.uint8]":
    import numpy as np

    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    shown = np.clip(np.rint(_PICTURES[name](rows, columns, frame)), 0, 255).astype(np.uint8)
    shown.flags.writeable = False
    return shown


def video_bytes(name: str, seconds: float = SECONDS) -> bytes:
    """Return the video called ``name``; see `encode_video`."""
    return encode_video(lambda index: picture(name, index), round(seconds * FRAME_RATE))


def encode_video(frame: "Callable[[int], NDArray[np.uint8]]", count: int) -> bytes:
    """Return a video as H.264 in mp4 with a key frame every half second, like all stored videos.

    Args:
        frame: returns the frame of a number, shape [SIZE, SIZE, 3], uint8, RGB.
        count: number of frames, of which there are FRAME_RATE per second.
    """
    import av

    keys = FRAME_RATE // 2
    settings = {"preset": "veryfast", "crf": "18", "sc_threshold": "0", "bf": "0", "threads": "1"}
    flags = {"fflags": "+bitexact", "movflags": "+faststart"}
    # A file, not a buffer: to move the index to the front, the muxer reopens its output by name.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.mp4"
        with av.open(str(path), "w", format="mp4", options=flags) as out:
            stream = out.add_stream("libx264", rate=FRAME_RATE, options={**settings, "g": str(keys)})
            stream.width = stream.height = SIZE
            stream.pix_fmt = "yuv420p"
            for index in range(count):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame(index), format="rgb24")))
            out.mux(stream.encode(None))
        return path.read_bytes()


def _silence(time: "NDArray[np.float64]") -> "NDArray[np.float64]":
    return 0.0 * time


def _siren(time: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Two alternating tones, half a second each, with overtones."""
    import numpy as np

    pitch = np.where(np.floor(2 * time) % 2 == 0, 650.0, 900.0)
    phase = 2 * np.pi * np.cumsum(pitch) / AUDIO_RATE
    return sum((np.sin(k * phase) / k for k in (1, 2, 3)), np.zeros_like(time))


def _hiss(time: "NDArray[np.float64]") -> "NDArray[np.float64]":
    import numpy as np

    return np.random.default_rng(1).uniform(-1, 1, len(time))


def _bell(time: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """A stroke every 1.5 s; partials of a church bell over its hum, the high ones dying first."""
    import numpy as np

    since = time % 1.5
    partials = (0.5, 1.0, 1.2, 1.5, 2.0, 2.74, 3.76)
    return sum(
        (np.sin(2 * np.pi * 440 * p * since) * np.exp(-2.0 * p * since) / (1 + p) for p in partials),
        np.zeros_like(time),
    )


def _ticking(time: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """A click of 10 ms every half second."""
    import numpy as np

    since = time % 0.5
    return np.sin(2 * np.pi * 2500 * since) * np.exp(-400 * since)


_SOUNDS: "dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]" = {
    "Silence": _silence,
    "Siren": _siren,
    "Hissing_noise": _hiss,
    "Church_bell": _bell,
    "Ticking_clock": _ticking,
}


def _colour(mask: "NDArray[np.float64]", on: tuple[int, int, int], off: tuple[int, int, int]) -> "NDArray[np.float64]":
    import numpy as np

    return mask[..., None] * np.array(on, np.float64) + (1 - mask[..., None]) * np.array(off, np.float64)


def _black(rows: "NDArray[np.float64]", columns: "NDArray[np.float64]", frame: int) -> "NDArray[np.float64]":
    return _colour(0.0 * rows, (0, 0, 0), (0, 0, 0))


def _chessboard(rows: "NDArray[np.float64]", columns: "NDArray[np.float64]", frame: int) -> "NDArray[np.float64]":
    return _colour((rows // 28 + columns // 28) % 2, (245, 245, 245), (15, 15, 15))


def _ball(rows: "NDArray[np.float64]", columns: "NDArray[np.float64]", frame: int) -> "NDArray[np.float64]":
    """An orange ball that swings from side to side on white."""
    import numpy as np

    centre = SIZE / 2 + 60 * np.sin(2 * np.pi * frame / 20)
    inside = (rows - SIZE / 2) ** 2 + (columns - centre) ** 2 < 40**2
    return _colour(inside.astype(np.float64), (255, 120, 0), (250, 250, 250))


def _night_sky(rows: "NDArray[np.float64]", columns: "NDArray[np.float64]", frame: int) -> "NDArray[np.float64]":
    """White points on dark blue."""
    import numpy as np

    points = np.zeros((SIZE, SIZE))
    y, x = np.random.default_rng(2).integers(1, SIZE - 1, (2, 150))
    points[y, x] = points[y + 1, x] = points[y, x + 1] = 1
    return _colour(points, (255, 255, 255), (8, 10, 45))


def _stripes(rows: "NDArray[np.float64]", columns: "NDArray[np.float64]", frame: int) -> "NDArray[np.float64]":
    """Red and green stripes that move sideways."""
    return _colour(((columns + 4 * frame) // 32) % 2, (210, 30, 30), (30, 150, 60))


_PICTURES: "dict[str, Callable[[NDArray[np.float64], NDArray[np.float64], int], NDArray[np.float64]]]" = {
    "Black_screen": _black,
    "Chessboard": _chessboard,
    "Orange_ball": _ball,
    "Night_sky": _night_sky,
    "Striped_curtain": _stripes,
}

SOUND_NAMES = tuple(_SOUNDS)
PICTURE_NAMES = tuple(_PICTURES)
