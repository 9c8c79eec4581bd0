"""Drawing in the coordinates of an object: its centre is the origin, its radius 1, y points down."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Colour = tuple[int, int, int]
Point = tuple[float, float]

_SHIFT = 4
_FINE = 2**_SHIFT
"""cv2 takes coordinates in 16ths of a pixel."""
_ROUND = [(math.cos(angle), math.sin(angle)) for angle in np.linspace(0, 2 * np.pi, 20, endpoint=False)]


@dataclass(frozen=True)
class Palette:
    """Colours of an object: its body, a second colour, and lines that stand out from both."""

    body: Colour
    accent: Colour
    line: Colour


@dataclass(frozen=True)
class Pose:
    """The pose of an object at a moment.

    Attributes:
        activity: how strongly it moves and sounds, 0 to 1.
        swing: shaking while it is active, -1 to 1.
        turn: seconds of activity so far, weighted with the activity.
    """

    activity: float
    swing: float
    turn: float


@dataclass(frozen=True)
class Brush:
    """Paints on a canvas, uint8 of shape [height, width, 3].

    Attributes:
        canvas: the array to paint on.
        x: centre of the object, pixels.
        y: centre of the object, pixels.
        radius: of the object, pixels.
        angle: rotation, radians.
        mirrored: whether left and right are swapped.
    """

    canvas: "NDArray[np.uint8]"
    x: float
    y: float
    radius: float
    angle: float = 0.0
    mirrored: bool = False

    def turned(self, angle: float, about: Point = (0.0, 0.0)) -> "Brush":
        """Return a brush turned about a point of the object."""
        pivot = self._place([about])[0]
        whole = self.angle + (-angle if self.mirrored else angle)
        free = Brush(self.canvas, 0, 0, self.radius, whole, self.mirrored)
        offset = free._place([about])[0]
        return Brush(self.canvas, pivot[0] - offset[0], pivot[1] - offset[1], self.radius, whole, self.mirrored)

    def moved(self, x: float, y: float, scale: float = 1.0) -> "Brush":
        """Return a brush moved and scaled in the object's own coordinates."""
        centre = self._place([(x, y)])[0]
        return Brush(self.canvas, centre[0], centre[1], self.radius * scale, self.angle, self.mirrored)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.canvas, [self._fixed(points)], colour, cv2.LINE_AA, _SHIFT)

    def ellipse(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill an ellipse with the given half axes."""
        self.polygon([(x + width * dx, y + height * dy) for dx, dy in _ROUND], colour)

    def line(self, points: Sequence[Point], colour: Colour, width: float = 0.08) -> None:
        """Draw a line of the given width through points."""
        thickness = max(1, round(width * self.radius))
        cv2.polylines(self.canvas, [self._fixed(points)], False, colour, thickness, cv2.LINE_AA, _SHIFT)

    def _place(self, points: Sequence[Point]) -> list[Point]:
        # Lists instead of arrays: for the few points of a shape, this takes a quarter of the time.
        along, across = self.radius * math.cos(self.angle), self.radius * math.sin(self.angle)
        side = -1 if self.mirrored else 1
        return [(self.x + side * x * along - y * across, self.y + side * x * across + y * along) for x, y in points]

    def _fixed(self, points: Sequence[Point]) -> "NDArray[np.int32]":
        return np.array([(round(x * _FINE), round(y * _FINE)) for x, y in self._place(points)], np.int32)
