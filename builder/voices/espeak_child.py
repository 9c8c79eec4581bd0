"""Speaks one text with the library of espeak-ng, in a separate process.

The library keeps state between texts, also when it is initialised again: the second time, the same text gives other
samples, even of another number. In a new process the same text always gives the same. And a crash of the library ends
only this process.

    python espeak_child.py LIBRARY DATA LANGUAGE WORDS_PER_MINUTE TEXT

writes a line with the version and the sampling rate, then the samples, 16-bit little-endian. An empty text has none.
"""

import ctypes
import sys
from pathlib import Path
from typing import Any

# Constants of espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE = 1
_UTF8 = 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main(path: str, data: str, language: str, words_per_minute: str, text: str) -> None:
    """Speak ``text`` to standard output."""
    library = ctypes.CDLL(path)
    # Some builds want the folder of the data, others the one that contains it.
    folders = (data, str(Path(data).parent))
    rates = (library.espeak_Initialize(_SYNCHRONOUS, 0, folder.encode(), _DONT_EXIT) for folder in folders)
    rate = next((rate for rate in rates if rate > 0), 0)
    if not rate or library.espeak_SetVoiceByName(language.encode()):
        sys.exit(f"no {language} voice in {data}")
    library.espeak_SetParameter(_RATE, int(words_per_minute), 0)
    library.espeak_Info.restype = ctypes.c_char_p
    version = library.espeak_Info(None).decode().split(" ")[0]
    parts: list[bytes] = []

    def collect(samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            parts.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _Callback(collect)  # kept in a variable, or it is freed while the library still calls it
    library.espeak_SetSynthCallback(callback)
    if text:
        content = text.encode()
        size = ctypes.c_size_t(len(content) + 1)
        if library.espeak_Synth(content, size, 0, 1, 0, _UTF8, None, None) or library.espeak_Synchronize():
            sys.exit("the text cannot be spoken")
    sys.stdout.buffer.write(f"{version} {rate}\n".encode() + b"".join(parts))


if __name__ == "__main__":
    main(*sys.argv[1:])
