"""The voice of espeak-ng, from the package `espeakng-loader` or from the program `espeak-ng`.

espeak-ng is under the GPL-3.0, so it is never a dependency of the core: it is used where a user installed it.
"""

import ctypes
import importlib
import io
import math
import re
import shutil
import subprocess
import wave
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.voices.registry import NoVoiceError, Voice, voice
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.extras import install_command

_LANGUAGE = "en-us"
_WORDS_PER_MINUTE = 150
_SECONDS = 60

# Constants of espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE = 1
_UTF8 = 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@voice
class EspeakNg(Voice):
    """espeak-ng, American English."""

    name = "espeak-ng"

    def version(self) -> str:
        """Return the version of espeak-ng, its language and its speed."""
        return f"espeak-ng {self._speaker.version} {_LANGUAGE} {_WORDS_PER_MINUTE} words per minute"

    def speak(self, text: str) -> NDArray[np.int16]:
        """Return ``text`` spoken, resampled from espeak-ng's own rate."""
        samples, rate = self._speaker.speak(text)
        return _resampled(samples, rate)

    @cached_property
    def _speaker(self) -> "_Library | _Program":
        try:
            loader = importlib.import_module("espeakng_loader")
        except ImportError:
            program = shutil.which("espeak-ng")
            if program is None:
                raise NoVoiceError(
                    "the voice espeak-ng needs the package espeakng-loader or the program espeak-ng, and neither is "
                    f"installed: {install_command('voice')} or `apt-get install espeak-ng`, choose another "
                    "assemble.voice, or leave spoken_label out of assemble.graded"
                ) from None
            return _Program(program)
        return _Library(loader)


class _Library:
    """The library and the data that the package `espeakng-loader` carries."""

    def __init__(self, loader: Any) -> None:
        library, data = loader.get_library_path(), loader.get_data_path()
        try:
            self._library = ctypes.CDLL(str(library))
        except OSError as error:
            raise NoVoiceError(
                f"the library of espeakng-loader cannot be loaded ({error}); install it again or remove it, and "
                "install the program espeak-ng"
            ) from error
        # Some builds want the folder itself, others the one that contains it.
        folders = (str(data), str(Path(data).parent))
        rates = (self._library.espeak_Initialize(_SYNCHRONOUS, 0, name.encode(), _DONT_EXIT) for name in folders)
        self._rate = next((rate for rate in rates if rate > 0), 0)
        if not self._rate or self._library.espeak_SetVoiceByName(_LANGUAGE.encode()):
            raise NoVoiceError(f"espeak-ng finds no {_LANGUAGE} voice in {data}; install espeakng-loader again")
        self._library.espeak_SetParameter(_RATE, _WORDS_PER_MINUTE, 0)
        self._parts: list[bytes] = []
        self._callback = _Callback(self._collect)  # kept, or it is freed while the library still calls it
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_Info.restype = ctypes.c_char_p
        self.version = self._library.espeak_Info(None).decode().split(" ")[0]

    def speak(self, text: str) -> tuple[NDArray[np.int16], int]:
        """Return samples and their rate."""
        self._parts.clear()
        content = text.encode()
        size = ctypes.c_size_t(len(content) + 1)
        failed = self._library.espeak_Synth(content, size, 0, 1, 0, _UTF8, None, None)
        if failed or self._library.espeak_Synchronize():
            raise NoVoiceError(f"espeak-ng cannot speak {text!r:.80} (error {failed})")
        return np.frombuffer(b"".join(self._parts), "<i2").astype(np.int16), self._rate

    def _collect(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._parts.append(ctypes.string_at(samples, 2 * count))
        return 0


class _Program:
    """The program `espeak-ng`."""

    def __init__(self, program: str) -> None:
        self._program = program
        said = self._run("--version").decode(errors="replace")
        found = re.search(r"\d+(\.\d+)+\S*", said)
        self.version = found[0] if found else "of unknown version"

    def speak(self, text: str) -> tuple[NDArray[np.int16], int]:
        """Return samples and their rate."""
        content = self._run("-v", _LANGUAGE, "-s", str(_WORDS_PER_MINUTE), "--stdout", "--", text)
        try:
            with wave.open(io.BytesIO(content)) as file:
                # The length in the header is that of a stream; all frames that are there are read.
                return np.frombuffer(file.readframes(len(content)), "<i2").astype(np.int16), file.getframerate()
        except (wave.Error, EOFError) as error:
            raise NoVoiceError(f"{self._program} wrote no sound for {text!r:.80}: {error}") from error

    def _run(self, *arguments: str) -> bytes:
        try:
            return subprocess.run([self._program, *arguments], check=True, capture_output=True, timeout=_SECONDS).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise NoVoiceError(f"{self._program} failed: {' '.join(str(error).split())[:200]}") from error


def _resampled(samples: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    """Return ``samples`` at 16 kHz."""
    from scipy.signal import resample_poly

    common = math.gcd(rate, AUDIO_RATE)
    made = resample_poly(samples.astype(np.float64), AUDIO_RATE // common, rate // common)
    return np.clip(np.rint(made), -32768, 32767).astype(np.int16)
