"""A fingerprint of a frame: the signs of its lowest frequencies (pHash).

It is nearly unchanged by lossy encoding, scaling and changes of brightness; a small crop flips some bits.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIXELS = 32
_WAVES = 8
_FLAT = 4.0  # standard deviation of luma, of 255; below it the hash is of noise


def frame_hashes(luma: "NDArray[np.uint8]") -> "NDArray[np.uint64]":
    """Hash frames ``luma``, shape [frames, height, width].

    Returns:
        Array of shape [hashes], uint64: a hash of 64 bits for each frame with content.
    """
    import cv2

    cv2.setNumThreads(1)
    hashes: list[int] = []
    for frame in luma:
        small = cv2.resize(frame, (_PIXELS, _PIXELS), interpolation=cv2.INTER_AREA).astype(np.float32)
        if small.std() < _FLAT:
            continue
        waves = cv2.dct(small)[:_WAVES, :_WAVES].flatten()
        bits = waves > np.median(waves[1:])  # the first coefficient is the mean brightness
        bits[0] = False
        hashes.append(int.from_bytes(np.packbits(bits).tobytes(), "big"))
    return np.array(hashes, np.uint64)
