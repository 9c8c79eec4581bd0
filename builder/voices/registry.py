"""What a voice is, and the registry of all voices."""

from abc import ABC, abstractmethod
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mma_bench.errors import MMABenchError
from mma_bench.registry import Registry, one_line


class NoVoiceError(MMABenchError):
    """A voice cannot be used: it, or something that it needs, is not installed."""


class Voice(ABC):
    """A synthetic voice. The same text must give the same samples.

    A package names its own in an entry point of the group `mma_bench.voices`.

    Attributes:
        name: its name in `assemble.voice`.
    """

    name: ClassVar[str]

    @abstractmethod
    def version(self) -> str:
        """Return everything that decides the samples besides the text: program, version, language and settings.

        Raises:
            NoVoiceError: the voice cannot be used.
        """

    @abstractmethod
    def speak(self, text: str) -> NDArray[np.int16]:
        """Return ``text`` spoken, shape [samples], int16, mono, 16 kHz.

        Raises:
            NoVoiceError: the voice cannot be used.
        """


def _adopt(found: Any) -> type[Voice]:
    if not (isinstance(found, type) and issubclass(found, Voice)):
        raise TypeError("it is not a subclass of builder.voices.Voice")
    return found


VOICES: Registry[type[Voice]] = Registry("voice", "voices", adopt=_adopt)


def voice(kind: type[Voice]) -> type[Voice]:
    """Register a class as the voice of its name."""
    VOICES.add(kind.name, kind)
    return kind


@cache
def find_voice(name: str) -> Voice:
    """Return the voice called ``name``, one for all clips of a process.

    Raises:
        NoVoiceError: there is none, or its package fails to load.
    """
    try:
        return VOICES.find(name)()
    except NoVoiceError:
        raise
    except MMABenchError as error:
        raise NoVoiceError(str(error)) from error


@cache
def spoken(name: str, text: str) -> NDArray[np.int16]:
    """Return ``text`` in the voice called ``name``; each text is spoken once per process.

    Raises:
        MMABenchError: there is no such voice, it cannot be used, or it returns something else than audio.
    """
    try:
        samples = find_voice(name).speak(text)
    except MMABenchError:
        raise
    except Exception as error:  # a voice may be a user's
        raise MMABenchError(f"the voice {name} failed for {text!r:.80}: {one_line(error)}") from error
    if not (isinstance(samples, np.ndarray) and samples.dtype == np.int16 and samples.ndim == 1 and samples.any()):
        raise MMABenchError(f"the voice {name} must return int16 samples that are not silent; it did not for {text!r}")
    return samples
