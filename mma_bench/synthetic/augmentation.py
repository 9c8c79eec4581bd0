"""Changes of frames that leave the class: shifted, mirrored, and a part covered, so that a clip serves as many more."""

import random
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIZE = 56
"""Height and width of the frames for which the next two are meant; they grow with the frames."""
_SHIFT = 5
"""Maximum shift of frames, pixels."""
_ERASED = (6, 16)
"""Minimum and maximum height and width of the covered area, pixels."""


def moved(frames: "NDArray[np.uint8]", generator: random.Random) -> "NDArray[np.uint8]":
    """Return all frames shifted by the same few pixels, and mirrored half of the time."""
    size = frames.shape[1]
    shift = _SHIFT * size // _SIZE
    top, left = generator.randint(0, 2 * shift), generator.randint(0, 2 * shift)
    padded = np.pad(frames, ((0, 0), (shift, shift), (shift, shift), (0, 0)), "edge")
    found = padded[:, top : top + size, left : left + size]
    return found[:, :, ::-1] if generator.random() < 0.5 else found


def erased(frames: "NDArray[np.uint8]", generator: random.Random) -> "NDArray[np.uint8]":
    """Return frames with the same rectangle covered in all of them (random erasing, arXiv 1708.04896)."""
    smallest, largest = (bound * frames.shape[1] // _SIZE for bound in _ERASED)
    height, width = generator.randint(smallest, largest), generator.randint(smallest, largest)
    top, left = generator.randint(0, frames.shape[1] - height), generator.randint(0, frames.shape[2] - width)
    found = frames.copy()
    found[:, top : top + height, left : left + width] = generator.randint(0, 255)
    return found
