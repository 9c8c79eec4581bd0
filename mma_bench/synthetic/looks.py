"""The appearance of each class, at rest and while it sounds.

Every look draws an object with a radius of about 1. At full activity, a large part of it moves.
"""

import math
from collections.abc import Callable

from mma_bench.synthetic.brush import Brush, Palette, Pose

Look = Callable[[Brush, Palette, Pose], None]


def ball(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A beach ball with a cross of stripes, which hops and squashes."""
    brush = brush.moved(0, -0.5 * abs(pose.swing))
    squash = 1 - 0.3 * pose.activity * abs(pose.swing)
    brush.ellipse(0, 0, 0.85, 0.85 * squash, palette.line)
    brush.ellipse(0, 0, 0.75, 0.75 * squash, palette.body)
    brush.polygon(
        [(-0.22, -0.72 * squash), (0.22, -0.72 * squash), (-0.22, 0.72 * squash), (0.22, 0.72 * squash)], palette.accent
    )
    brush.polygon([(-0.72, -0.22), (-0.72, 0.22), (0.72, -0.22), (0.72, 0.22)], palette.accent)


def bell(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A bell that swings about its top, with a clapper."""
    brush = brush.turned(0.7 * pose.swing, about=(0, -0.9))
    brush.turned(-0.9 * pose.swing, about=(0, -0.5)).ellipse(0, 0.85, 0.2, 0.2, palette.line)
    brush.polygon(
        [(-0.15, -0.9), (0.15, -0.9), (0.45, -0.6), (0.5, 0.2), (0.95, 0.7), (-0.95, 0.7), (-0.5, 0.2), (-0.45, -0.6)],
        palette.body,
    )
    brush.polygon([(-0.95, 0.55), (0.95, 0.55), (0.95, 0.75), (-0.95, 0.75)], palette.accent)


def bird(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A bird in profile, which opens its beak and beats its wing."""
    gap = 0.25 * pose.activity
    brush.polygon([(-0.5, 0.1), (-1.1, -0.25), (-1.1, 0.25)], palette.body)
    brush.ellipse(0, 0.15, 0.65, 0.42, palette.body)
    brush.ellipse(0.5, -0.35, 0.33, 0.33, palette.body)
    brush.polygon([(0.75, -0.45), (1.2, -0.4 - gap), (0.75, -0.3)], palette.accent)
    brush.polygon([(0.75, -0.35), (1.2, -0.3 + gap), (0.75, -0.2)], palette.accent)
    brush.ellipse(0.57, -0.42, 0.1, 0.1, palette.line)
    brush.polygon([(-0.3, 0.1), (0.4, 0.1), (-0.25, 0.2 - 1.1 * pose.swing)], palette.accent)
    for x in (-0.1, 0.15):
        brush.line([(x, 0.5), (x, 0.95)], palette.line)


def clock(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A dial with marks and two hands, which jump."""
    brush = brush.moved(0, 0, 1 + 0.12 * pose.activity)
    brush.ellipse(0, 0, 1, 1, palette.line)
    brush.ellipse(0, 0, 0.86, 0.86, palette.body)
    for mark in range(12):
        x, y = math.cos(mark * math.pi / 6), math.sin(mark * math.pi / 6)
        brush.line([(0.68 * x, 0.68 * y), (0.82 * x, 0.82 * y)], palette.line)
    brush.turned(20 * pose.turn).line([(0, 0.1), (0, -0.68)], palette.line, 0.1)
    brush.turned(1 + 5 * pose.turn).line([(0, 0.1), (0, -0.45)], palette.accent, 0.16)


def drum(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A drum with laces and two sticks, which strike."""
    dent = 0.15 * pose.activity
    brush.polygon([(-0.9, -0.1 + dent), (0.9, -0.1 + dent), (0.9, 0.75), (-0.9, 0.75)], palette.body)
    brush.ellipse(0, 0.75, 0.9, 0.22, palette.body)
    brush.line([(-0.9, 0.05), (-0.6, 0.9), (-0.3, 0.1), (0, 0.95), (0.3, 0.1), (0.6, 0.9), (0.9, 0.05)], palette.line)
    brush.ellipse(0, -0.1 + dent, 0.9, 0.25, palette.accent)
    for side in (-1, 1):
        lift = 0.5 + 0.45 * side * pose.swing - 0.5 * pose.activity
        brush.line([(side * 0.2, -0.1 - lift), (side * 0.95, -0.75 - lift / 3)], palette.line, 0.12)


def engine(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A locomotive from the side: boiler, cabin, chimney and two spoked wheels, which roll and shake."""
    brush = brush.moved(0, 0.09 * pose.swing)
    brush.polygon([(-1, -0.3), (0.9, -0.3), (0.9, 0.3), (-1, 0.3)], palette.body)
    brush.polygon([(-1, -0.9), (-0.3, -0.9), (-0.3, 0.3), (-1, 0.3)], palette.body)
    brush.polygon([(-0.85, -0.75), (-0.45, -0.75), (-0.45, -0.4), (-0.85, -0.4)], palette.accent)
    brush.polygon([(0.45, -0.8), (0.8, -0.8), (0.7, -0.3), (0.55, -0.3)], palette.line)
    for x in (-0.55, 0.5):
        wheel = brush.moved(x, 0.5, 0.45).turned(14 * pose.turn)
        wheel.ellipse(0, 0, 1, 1, palette.line)
        wheel.ellipse(0, 0, 0.72, 0.72, palette.accent)
        wheel.line([(-0.8, 0), (0.8, 0)], palette.line, 0.3)
        wheel.line([(0, -0.8), (0, 0.8)], palette.line, 0.3)


def fire(brush: Brush, palette: Palette, pose: Pose) -> None:
    """Three flames on crossed logs; they leap and lean."""
    height = 0.6 + 0.5 * pose.activity
    brush.line([(-0.8, 0.9), (0.8, 0.65)], palette.line, 0.2)
    brush.line([(-0.8, 0.65), (0.8, 0.9)], palette.line, 0.2)
    for number, x in enumerate((-0.5, 0.5, 0)):
        tip = x + 0.45 * pose.swing * (-1) ** number, 0.6 - height * (1.5 if number == 2 else 1.0)
        brush.polygon([(x - 0.4, 0.6), (x - 0.28, 0.2), tip, (x + 0.28, 0.2), (x + 0.4, 0.6)], palette.body)
        inner = x + 0.2 * pose.swing, 0.6 - height * 0.5
        brush.polygon([(x - 0.2, 0.6), inner, (x + 0.2, 0.6)], palette.accent)


def frog(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A frog's wide face with eyes on top; its throat swells."""
    swell = 0.3 + 0.35 * pose.activity + 0.12 * pose.swing
    brush.ellipse(0, 0.5, 0.3 + swell, swell, palette.accent)
    brush.ellipse(0, 0.15, 1, 0.5, palette.body)
    for x in (-0.55, 0.55):
        brush.ellipse(x, -0.4, 0.33, 0.33, palette.body)
        brush.ellipse(x, -0.42, 0.22, 0.22, palette.accent)
        brush.ellipse(x + 0.1 * pose.swing, -0.42, 0.11, 0.11, palette.line)
    brush.line([(-0.7, 0.2), (0, 0.35 + 0.15 * pose.activity), (0.7, 0.2)], palette.line, 0.1)


def piano(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A row of keys, of which some go down and change colour."""
    brush.polygon([(-1.1, -0.65), (1.1, -0.65), (1.1, 0.7), (-1.1, 0.7)], palette.line)
    for key in range(6):
        left, pressed = -1.05 + 0.35 * key, key in (1, 4) and pose.activity > 0.05
        down = 0.25 * pose.activity * (0.6 + 0.4 * pose.swing) if pressed else 0.0
        colour = palette.accent if pressed else palette.body
        brush.polygon(
            [(left, -0.6 + down), (left + 0.29, -0.6 + down), (left + 0.29, 0.6 + down), (left, 0.6 + down)], colour
        )
    for key in (0, 1, 3, 4):
        left = -0.82 + 0.35 * key
        brush.polygon([(left, -0.65), (left + 0.2, -0.65), (left + 0.2, 0.05), (left, 0.05)], palette.line)


def rain(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A cloud; drops fall from it while it sounds."""
    for number in range(10):
        fall = (5 * pose.turn + 0.37 * number) % 1.0
        x, y, length = -0.75 + 0.375 * (number % 5), 0.05 + 0.9 * fall, 0.28 * min(1.0, 3 * pose.activity)
        if length > 0.02:
            brush.line([(x, y), (x - 0.06, y + length)], palette.accent, 0.13)
    brush = brush.moved(0.05 * pose.swing, 0)
    for x, y, radius in ((-0.6, -0.3, 0.4), (0, -0.5, 0.55), (0.6, -0.3, 0.42), (-0.25, -0.2, 0.4), (0.3, -0.2, 0.4)):
        brush.ellipse(x, y, radius, radius * 0.85, palette.body)


def saw(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A toothed blade with a handle, which goes to and fro."""
    brush = brush.moved(0.45 * pose.swing, 0)
    teeth = [(x / 10, 0.2 if x % 2 else 0.5) for x in range(9, -11, -1)]
    brush.polygon([(-1.1, 0.0), (0.95, -0.4), *teeth], palette.body)
    brush.polygon([(0.7, -0.65), (1.35, -0.65), (1.35, 0.65), (0.7, 0.65)], palette.accent)
    brush.polygon([(0.9, -0.35), (1.15, -0.35), (1.15, 0.35), (0.9, 0.35)], palette.line)


def siren(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A dome light on a base; its rays flash and turn."""
    reach = 0.75 + 0.65 * pose.activity * (0.6 + 0.4 * pose.swing)
    for number in range(7):
        angle = math.pi * (1 + number / 6) + 0.2 * pose.swing
        x, y = math.cos(angle), math.sin(angle)
        brush.line([(0.65 * x, 0.35 + 0.65 * y), (reach * x, 0.35 + reach * y)], palette.accent, 0.16)
    brush.polygon(
        [(0.55 * math.cos(k * math.pi / 12), 0.4 - 0.85 * math.sin(k * math.pi / 12)) for k in range(13)], palette.body
    )
    brush.polygon([(-0.85, 0.4), (0.85, 0.4), (0.85, 0.8), (-0.85, 0.8)], palette.line)
