"""Detects absent streams before any model turns them into labels.

An audio tagger calls an empty file "Silence", and an image classifier finds something in a black image, so neither can
detect them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A silent track that went through a lossy codec is within a few steps of zero. Four steps of 16 bits
# are -78 dB of full scale; the quietest of the 15 real clips peaks at -24 dB.
_SILENCE_PEAK = 4 / 32768

# After H.264, black is within a few grey levels of 0. The darkest frame of the 15 real clips has a
# pixel of 182.
_BLACK_LEVEL = 8


def is_silent(waveform: "NDArray[np.float32]") -> bool:
    """Return whether a waveform is silent.

    Args:
        waveform: shape [samples], float, range -1 to 1; may be empty.
    """
    return waveform.size == 0 or float(abs(waveform).max()) < _SILENCE_PEAK


def is_black(frames: "NDArray[np.uint8]") -> bool:
    """Return whether every frame is black.

    Args:
        frames: shape [frames, height, width, 3], uint8, RGB; may be empty.
    """
    return frames.size == 0 or int(frames.max()) <= _BLACK_LEVEL
