"""Procedural clips: objects that move exactly when they make a sound, any number of them from a seed.

Clips are pure functions of a class and a seed, fast enough for training without files.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.synthetic.kinds import CLASSES, WIDE_CLASSES
from mma_bench.synthetic.picture import draw_frames
from mma_bench.synthetic.scene import SECONDS, SPLITS, Scene, clip_seed, make_scene
from mma_bench.synthetic.sound import play

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "CLASSES",
    "SECONDS",
    "SPLITS",
    "WIDE_CLASSES",
    "Rendered",
    "Scene",
    "clip_seed",
    "draw_frames",
    "make_scene",
    "play",
    "render",
]


@dataclass(frozen=True)
class Rendered:
    """A clip as arrays.

    Attributes:
        frames: shape [frames, size, size, 3], uint8, RGB.
        samples: shape [samples], float32, mono, 16 kHz, range -1 to 1.
    """

    frames: "NDArray[np.uint8]"
    samples: "NDArray[np.float32]"


def render(name: str, seed: int, *, seconds: float = SECONDS, fps: float = 4.0, size: int = 112) -> Rendered:
    """Return the clip of a class and a seed; the same arguments give the same arrays.

    Args:
        name: one of `WIDE_CLASSES`.
        seed: see `clip_seed`.
        seconds: length.
        fps: frames per second.
        size: height and width, pixels.

    Raises:
        MMABenchError: the class, seed or length is invalid.
    """
    scene = make_scene(name, seed, seconds=seconds)
    return Rendered(draw_frames(scene, fps=fps, size=size), play(scene))
