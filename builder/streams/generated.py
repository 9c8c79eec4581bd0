"""Black frames and silence, made once for each length and shared by all stimuli that need them."""

import functools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from builder.normalise.settings import NormaliseSettings
from builder.streams.graded import graded_folder
from mma_bench.dataset.black_frames import write_black
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.dataset.media import flac_bytes
from mma_bench.files.atomic import atomic_path
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.schema import Clip, Stream

_VERSION = 2
"""Counts up when other bytes are made of the same settings. What was made before is left where it lies."""


class GeneratedStreams:
    """Makes streams below ``folder`` and remembers their hashes."""

    def __init__(self, folder: Path, settings: NormaliseSettings) -> None:
        self.folder = folder / sha256_json([_VERSION, settings.model_dump()])[:16]
        self._settings = settings
        self._hashes: dict[str, str] = {}

    def black(self, clip: Clip) -> Stream:
        """Return black frames of the length, rate and size of the clip's video."""
        return self.black_file(clip)[1]

    def silence(self, clip: Clip) -> Stream:
        """Return digital silence of the length of the clip's sound."""
        return self.silence_file(clip)[1]

    def black_file(self, clip: Clip) -> tuple[Path, Stream]:
        """Return what `black` returns, and its file."""
        rate = Fraction(clip.frame_rate).limit_denominator(1001)
        frames = round(clip.video_seconds * rate)
        name = f"black_{rate.numerator}-{rate.denominator}_{frames}.mp4"
        size, crf = self._settings.size, self._settings.crf
        made = functools.partial(write_black, rate=rate, frames=frames, size=(size, size), crf=crf)
        sha256 = self._make(name, made)
        stream = Stream(origin="black", clip_id=None, label=None, sha256=sha256, seconds=clip.video_seconds)
        return self.folder / name, stream

    def silence_file(self, clip: Clip) -> tuple[Path, Stream]:
        """Return what `silence` returns, and its file."""
        samples = round(clip.audio_seconds * AUDIO_RATE)
        name = f"silence_{samples}.flac"
        sha256 = self._make(name, lambda path: path.write_bytes(flac_bytes(np.zeros(samples, np.int16))))
        stream = Stream(origin="silence", clip_id=None, label=None, sha256=sha256, seconds=clip.audio_seconds)
        return self.folder / name, stream

    def _make(self, name: str, generate: Callable[[Path], object]) -> str:
        path = self.folder / name
        if name not in self._hashes:
            if not path.is_file():
                with atomic_path(path) as temporary:
                    generate(temporary)
            self._hashes[name] = sha256_file(path)
        return self._hashes[name]


def generated_files(folder: Path) -> dict[str, Path]:
    """Return the files that `GeneratedStreams` left below ``folder``, by their SHA-256."""
    files = sorted(path for path in folder.glob("*/[!.]*") if path.parent != graded_folder(folder))
    return {sha256_file(path): path for path in files if path.is_file()}
