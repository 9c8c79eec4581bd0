"""Frames of a scene: a background, clutter that moves independently, and the object, which moves when it sounds."""

import colorsys
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.synthetic.brush import Brush, Colour, Palette, Pose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mma_bench.synthetic.scene import Scene


_GRAIN_SHIFT = 16
_HUE_SPREAD = 0.05
"""Standard deviation of a body's hue around that of its class; the classes are 1/12 apart."""


@dataclass(frozen=True)
class _Clutter:
    """A small plain shape that drifts, and jumps at moments that are unrelated to the audio."""

    x: float
    y: float
    radius: float
    corners: int
    colour: Colour
    speed: tuple[float, float]
    jumps: tuple[float, ...]
    distance: float

    def draw(self, canvas: "NDArray[np.uint8]", seconds: float) -> None:
        size = canvas.shape[0]
        jumped = self.distance * sum(moment <= seconds for moment in self.jumps)
        x = self.x + self.speed[0] * seconds + jumped
        y = self.y + self.speed[1] * seconds - jumped
        angles = [2 * math.pi * corner / self.corners for corner in range(self.corners)]
        brush = Brush(canvas, (x % 1) * size, (y % 1) * size, self.radius * size)
        brush.polygon([(math.cos(angle), math.sin(angle)) for angle in angles], self.colour)


def draw_frames(scene: "Scene", *, fps: float, size: int) -> "NDArray[np.uint8]":
    """Draw the frames at 0, 1/fps, 2/fps ... seconds.

    Except for the sensor noise, the image at a moment depends neither on ``fps`` nor on ``size``.

    Args:
        scene: what happens.
        fps: frames per second.
        size: height and width, pixels.

    Returns:
        Array of shape [frames, size, size, 3], uint8, RGB.
    """
    cv2.setNumThreads(1)
    random = scene.generator("picture")
    palette, dark = _palette(random, scene.kind.hue)
    background = _background(random, size, dark=dark)
    object_at = random.uniform(0.38, 0.62, 2) * size
    radius, tilt = random.uniform(0.25, 0.40) * size, random.uniform(-0.3, 0.3)
    mirrored = bool(random.random() < 0.5)
    rate, phase = random.uniform(5, 8), random.uniform(0, 2 * math.pi)
    clutter = [_clutter(random, scene.seconds, dark=dark) for _ in range(int(random.integers(1, 6)))]
    grain = _grain(random, size)
    turns = np.cumsum(scene.activity, dtype=np.float64) / AUDIO_RATE
    frames = np.empty((math.ceil(scene.seconds * fps - 1e-6), size, size, 3), np.uint8)
    for number, frame in enumerate(frames):
        seconds = number / fps
        sample = min(round(seconds * AUDIO_RATE), len(turns) - 1)
        activity = float(scene.activity[sample])
        swing = activity * math.cos(2 * math.pi * rate * seconds + phase)
        frame[...] = background
        for shape in clutter:
            shape.draw(frame, seconds)
        brush = Brush(frame, float(object_at[0]), float(object_at[1]), radius, tilt, mirrored).moved(0, -0.12 * swing)
        scene.kind.look(brush, palette, Pose(activity, swing, float(turns[sample])))
        top, left = random.integers(0, _GRAIN_SHIFT, 2)
        cv2.add(frame, grain[top : top + size, left : left + size], dst=frame, dtype=cv2.CV_8U)
    return frames


def _palette(random: np.random.Generator, usual_hue: float) -> tuple[Palette, bool]:
    """Return colours, and whether they need a dark background."""
    dark = bool(random.random() < 0.5)
    low, high = (0.75, 1.0) if dark else (0.25, 0.6)
    hue = random.normal(usual_hue, _HUE_SPREAD)
    body = _colour(hue, random.uniform(0.5, 1.0), random.uniform(low, high))
    accent = _colour(hue + random.uniform(0.25, 0.75), random.uniform(0.3, 1.0), random.uniform(low, high))
    line = _colour(random.random(), 0.3, random.uniform(0.0, 0.15) if dark else random.uniform(0.9, 1.0))
    return Palette(body, accent, line), dark


def _background(random: np.random.Generator, size: int, *, dark: bool) -> "NDArray[np.uint8]":
    """Return a soft pattern of a few colours, [size, size, 3], dark or light."""
    low, high = (0.05, 0.4) if dark else (0.75, 1.0)
    patches = [_colour(random.random(), random.uniform(0, 0.5), random.uniform(low, high)) for _ in range(9)]
    grid = np.array(patches, np.uint8).reshape(3, 3, 3)
    pattern = cv2.resize(grid, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(pattern, np.uint8)


def _grain(random: np.random.Generator, size: int) -> "NDArray[np.int16]":
    """Return sensor noise, slightly larger than a frame, so that each frame uses a different part of it."""
    side = size + _GRAIN_SHIFT
    noise = random.standard_normal((side, side), dtype=np.float32) * random.uniform(1, 7)
    return np.repeat(noise.astype(np.int16)[:, :, None], 3, axis=2)


def _clutter(random: np.random.Generator, seconds: float, *, dark: bool) -> _Clutter:
    speed = random.uniform(-0.15, 0.15, 2)
    jumps = random.uniform(0, seconds, int(random.poisson(2 * seconds)))
    return _Clutter(
        x=float(random.random()),
        y=float(random.random()),
        radius=float(random.uniform(0.03, 0.08)),
        corners=int(random.integers(3, 9)),
        colour=_colour(random.random(), random.uniform(0, 1), random.uniform(0.4, 1.0) if dark else random.random()),
        speed=(float(speed[0]), float(speed[1])),
        jumps=tuple(float(moment) for moment in jumps),
        distance=float(random.uniform(0.05, 0.15)),
    )


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
