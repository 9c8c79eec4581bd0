"""YAMNet's input: patches of a log-mel spectrogram, in numpy.

The constants are those of the published model (AudioSet YAMNet, `params.py` and `features.py`): magnitude,
not power; triangles in mel, not in hertz; a periodic Hann window padded on the right to the FFT's length.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16000
_WINDOW = 400  # samples, 25 ms
_HOP = 160  # samples, 10 ms
_FFT = 512
_BANDS = 64
_LOWEST_HZ = 125.0
_HIGHEST_HZ = 7500.0
_LOG_OFFSET = 0.001
_PATCH = 96  # spectrogram frames, 0.96 s
_PATCH_HOP = 48
_FIRST_PATCH_SAMPLES = (_PATCH - 1) * _HOP + _WINDOW
_PATCH_HOP_SAMPLES = _PATCH_HOP * _HOP


def log_mel_patches(waveform: "NDArray[np.float32]") -> "NDArray[np.float64]":
    """Return YAMNet's input patches, one every 0.48 s.

    Args:
        waveform: shape [samples], range -1 to 1, mono, 16 kHz. Zeros are added at the end up to the next whole
            patch, as YAMNet does.

    Returns:
        Array of shape [patches, 96, 64]: natural logarithm of mel magnitude plus 0.001. At least one patch.
    """
    import numpy as np

    beyond_first = max(0, len(waveform) - _FIRST_PATCH_SAMPLES)
    hops = -(-beyond_first // _PATCH_HOP_SAMPLES)
    padded = np.zeros(_FIRST_PATCH_SAMPLES + hops * _PATCH_HOP_SAMPLES)
    padded[: len(waveform)] = waveform
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    magnitude = np.abs(np.fft.rfft(windows * hann, _FFT))
    log_mel = np.log(magnitude @ _mel_weights() + _LOG_OFFSET)
    return np.stack([log_mel[first : first + _PATCH] for first in range(0, (hops + 1) * _PATCH_HOP, _PATCH_HOP)])


@cache
def _mel_weights() -> "NDArray[np.float64]":
    """Return the weight of each FFT bin in each mel band, shape [257, 64]."""
    import numpy as np

    bins = _mel(np.linspace(0.0, SAMPLE_RATE / 2, _FFT // 2 + 1))[:, np.newaxis]
    lowest, highest = _mel(np.array([_LOWEST_HZ, _HIGHEST_HZ]))
    points = np.linspace(lowest, highest, _BANDS + 2)
    lower, centre, upper = points[:-2], points[1:-1], points[2:]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    weights: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return weights


def _mel(hertz: "NDArray[np.float64]") -> "NDArray[np.float64]":
    import numpy as np

    mel: NDArray[np.float64] = 1127.0 * np.log1p(hertz / 700.0)
    return mel
