"""A fingerprint of audio: pairs of spectral peaks, as in Wang, "An industrial-strength audio search" (2003).

Two neighbouring peaks of the spectrogram give one number (the frequency of the first, the step in frequency, the step
in time) that is unchanged by gain, lossy encoding and a shift in time. Two recordings are the same if many of their
numbers agree at one shift.
"""

from typing import TYPE_CHECKING

import numpy as np

from mma_bench.dataset.columns import AUDIO_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOP_SECONDS = 256 / AUDIO_RATE
"""Unit of the times of landmarks: 16 ms."""

_FFT = 1024
_HOP = 256
_BINS = 320  # up to 5 kHz, which every encoder keeps
_NEIGHBOURHOOD = 31  # bins and frames; a peak is the largest value of its neighbourhood: 500 Hz and 0.5 s
_FLOOR_DB = 70.0  # this far below the loudest value of the clip, peaks are encoder noise
_FAN_OUT = 3  # following peaks that each peak is paired with
_FARTHEST = 63  # frames between two peaks of a pair, and bins


def sound_landmarks(samples: "NDArray[np.float32]") -> "NDArray[np.uint32]":
    """Return the landmarks of mono 16 kHz ``samples``, shape [samples].

    Returns:
        Array of shape [landmarks, 2], uint32: the number of 23 bits and its time in hops of 16 ms; none for
        digital silence.
    """
    import cv2
    import librosa

    cv2.setNumThreads(1)
    if samples.size < _FFT or not np.any(samples):
        return np.zeros((0, 2), np.uint32)
    spectrum = np.abs(librosa.stft(samples, n_fft=_FFT, hop_length=_HOP, center=False))[1 : _BINS + 1]
    level = np.array(librosa.amplitude_to_db(spectrum, ref=np.max, top_db=None), np.float32)
    largest = cv2.dilate(level, np.ones((_NEIGHBOURHOOD, _NEIGHBOURHOOD), np.uint8))
    times, bins = np.nonzero(((level == largest) & (level > -_FLOOR_DB)).T)  # sorted by time, then frequency
    pairs: list[tuple[int, int]] = []
    for first, (time, bin_) in enumerate(zip(times.tolist(), bins.tolist(), strict=True)):
        steps, rises = times[first + 1 :] - time, bins[first + 1 :] - bin_
        near = np.flatnonzero((steps > 0) & (steps <= _FARTHEST) & (np.abs(rises) <= _FARTHEST))[:_FAN_OUT]
        for step, rise in zip(steps[near].tolist(), rises[near].tolist(), strict=True):
            pairs.append((bin_ << 13 | (rise + 64) << 6 | step, time))
    return np.array(pairs, np.uint32).reshape(-1, 2)
