"""The voice of espeak-ng, from the package `espeakng-loader` or from the program `espeak-ng`.

espeak-ng is under the GPL-3.0, so it is never a dependency of the core: it is started where a user installed it, each
text in a separate process (see `espeak_child.py`).
"""

import importlib
import io
import math
import re
import shutil
import subprocess
import sys
import wave
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.voices import espeak_child
from builder.voices.registry import NoVoiceError, Voice, voice
from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.extras import install_command

_LANGUAGE = "en-us"
_WORDS_PER_MINUTE = 150
_SECONDS = 60


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
        files = [str(loader.get_library_path()), str(loader.get_data_path())]
        self._command = [sys.executable, "-I", "-S", espeak_child.__file__, *files]
        self.version = self._run("")[0]

    def speak(self, text: str) -> tuple[NDArray[np.int16], int]:
        """Return samples and their rate."""
        _, rate, samples = self._run(text)
        return samples, rate

    def _run(self, text: str) -> tuple[str, int, NDArray[np.int16]]:
        written = _output([*self._command, _LANGUAGE, str(_WORDS_PER_MINUTE), text], "the package espeakng-loader")
        head, _, samples = written.partition(b"\n")
        version, rate = head.decode().split(" ")
        return version, int(rate), np.frombuffer(samples, "<i2").astype(np.int16)


class _Program:
    """The program `espeak-ng`."""

    def __init__(self, program: str) -> None:
        self._program = program
        found = re.search(r"\d+(\.\d+)+\S*", _output([program, "--version"], program).decode(errors="replace"))
        self.version = found[0] if found else "of unknown version"

    def speak(self, text: str) -> tuple[NDArray[np.int16], int]:
        """Return samples and their rate."""
        options = ["-v", _LANGUAGE, "-s", str(_WORDS_PER_MINUTE), "--stdout", "--"]
        content = _output([self._program, *options, text], self._program)
        try:
            with wave.open(io.BytesIO(content)) as file:
                # The length in the header is that of a stream; all frames that are there are read.
                return np.frombuffer(file.readframes(len(content)), "<i2").astype(np.int16), file.getframerate()
        except (wave.Error, EOFError) as error:
            raise NoVoiceError(f"{self._program} wrote no sound for {text!r:.80}: {error}") from error


def _output(command: list[str], what: str) -> bytes:
    try:
        return subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS).stdout
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())[-200:]
        raise NoVoiceError(f"{what} cannot speak (exit code {error.returncode}): {said}; install it again") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise NoVoiceError(f"{what} cannot be started: {' '.join(str(error).split())[:200]}") from error


def _resampled(samples: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    """Return ``samples`` at 16 kHz."""
    from scipy.signal import resample_poly

    common = math.gcd(rate, AUDIO_RATE)
    made = resample_poly(samples.astype(np.float64), AUDIO_RATE // common, rate // common)
    return np.clip(np.rint(made), -32768, 32767).astype(np.int16)
