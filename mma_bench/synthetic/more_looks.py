"""The appearance of the further classes, at rest and while they sound; see `looks`."""

import math

from mma_bench.synthetic.brush import Brush, Palette, Pose


def bee(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A striped body from the side with two wings, which beat."""
    brush.ellipse(0, 0.2, 0.95, 0.5, palette.body)
    for x in (-0.5, -0.1, 0.3):
        height = 0.48 * math.sqrt(1 - x**2)
        brush.line([(x, 0.2 - height), (x, 0.2 + height)], palette.line, 0.18)
    for number, x in enumerate((-0.25, 0.25)):
        wing = brush.turned((0.5 + 0.8 * pose.swing) * (-1) ** number, about=(x, -0.2))
        wing.ellipse(x, -0.6, 0.22, 0.5, palette.accent)


def boat(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A hull with a mast and a sail above waves; it rolls."""
    brush.line([(x / 4, 0.85 + 0.1 * (-1) ** x) for x in range(-5, 6)], palette.line, 0.12)
    brush = brush.turned(0.35 * pose.swing, about=(0, 0.6)).moved(0, -0.1 * pose.activity)
    brush.polygon([(-1, 0.3), (1, 0.3), (0.6, 0.75), (-0.6, 0.75)], palette.body)
    brush.line([(0, 0.3), (0, -1)], palette.line, 0.1)
    brush.polygon([(0.1, -0.95), (0.85, 0.15), (0.1, 0.15)], palette.accent)


def camera(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A box with a round lens and a flash, which lights up."""
    reach = 1.3 * pose.activity
    brush.polygon([(-1, -0.5), (1, -0.5), (1, 0.75), (-1, 0.75)], palette.body)
    brush.polygon([(-0.35, -0.8), (0.35, -0.8), (0.35, -0.5), (-0.35, -0.5)], palette.body)
    brush.ellipse(0, 0.12, 0.55, 0.55, palette.line)
    opening = 0.42 - 0.25 * pose.activity
    brush.ellipse(0, 0.12, opening, opening, palette.accent)
    brush.ellipse(0.75, -0.75, 0.15 + 0.25 * reach, 0.15 + 0.25 * reach, palette.accent)


def car(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A car from the side, which shakes; its wheels turn."""
    brush = brush.moved(0.12 * pose.swing, 0.05 * pose.swing)
    brush.polygon([(-1.15, -0.05), (1.15, -0.05), (1.15, 0.45), (-1.15, 0.45)], palette.body)
    brush.polygon([(-0.7, -0.05), (-0.4, -0.6), (0.4, -0.6), (0.75, -0.05)], palette.body)
    brush.polygon([(-0.5, -0.08), (-0.3, -0.48), (0.3, -0.48), (0.5, -0.08)], palette.accent)
    for x in (-0.65, 0.65):
        wheel = brush.moved(x, 0.5, 0.32).turned(12 * pose.turn)
        wheel.ellipse(0, 0, 1, 1, palette.line)
        wheel.line([(-0.7, 0), (0.7, 0)], palette.accent, 0.4)


def cat(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A cat's face with pointed ears and whiskers; its mouth opens."""
    for side in (-1, 1):
        brush.polygon([(side * 0.25, -0.5), (side * 0.75, -1.05), (side * 0.8, -0.2)], palette.body)
    brush.ellipse(0, 0, 0.85, 0.75, palette.body)
    for side in (-1, 1):
        brush.ellipse(side * 0.35, -0.15, 0.12, 0.2, palette.line)
        for y in (0.15, 0.35):
            brush.line([(side * 0.3, 0.2), (side * 1.15, y + 0.1 * pose.swing)], palette.line, 0.06)
    brush.ellipse(0, 0.4, 0.22, 0.05 + 0.28 * pose.activity, palette.accent)


def cow(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A cow's long face with horns and a broad muzzle, which drops."""
    for side in (-1, 1):
        brush.line([(side * 0.4, -0.6), (side * 0.95, -0.75), (side * 0.95, -1.1)], palette.line, 0.16)
        brush.ellipse(side * 0.8, -0.3, 0.32, 0.15, palette.body)
    brush.polygon([(-0.55, -0.75), (0.55, -0.75), (0.4, 0.5), (-0.4, 0.5)], palette.body)
    muzzle = brush.moved(0, 0.25 * pose.activity + 0.08 * pose.swing)
    muzzle.ellipse(0, 0.6, 0.6, 0.35, palette.accent)
    for side in (-1, 1):
        brush.ellipse(side * 0.28, -0.3, 0.11, 0.11, palette.line)
        muzzle.ellipse(side * 0.22, 0.55, 0.1, 0.1, palette.line)


def dog(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A dog's face with hanging ears; its jaw drops and shows the tongue."""
    drop = 0.4 * pose.activity
    brush.ellipse(0, 0.55 + drop / 2, 0.3, 0.2 + drop, palette.accent)
    brush.ellipse(0, -0.15, 0.7, 0.75, palette.body)
    brush.ellipse(0, 0.3, 0.42, 0.32, palette.body)
    for side in (-1, 1):
        ear = brush.turned(side * 0.5 * pose.swing, about=(side * 0.6, -0.6))
        ear.ellipse(side * 0.85, -0.1, 0.25, 0.6, palette.line)
        brush.ellipse(side * 0.28, -0.3, 0.12, 0.12, palette.line)
    brush.ellipse(0, 0.2, 0.2, 0.13, palette.line)


def door(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A door in its frame; it swings open and shows the dark."""
    brush.polygon([(-0.7, -1.1), (0.7, -1.1), (0.7, 1), (-0.7, 1)], palette.line)
    edge = 0.6 - 0.9 * pose.activity
    rise = 0.15 * pose.activity
    brush.polygon([(-0.6, -1), (edge, -1 - rise), (edge, 1 + rise), (-0.6, 1)], palette.body)
    brush.ellipse(edge - 0.18, 0.1, 0.1, 0.1, palette.accent)


def duck(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A duck on the water from the side; it nods and opens its bill."""
    brush.polygon([(-1.1, -0.15), (0.7, 0.2), (0.5, 0.75), (-0.7, 0.75)], palette.body)
    brush.ellipse(-0.1, 0.45, 0.75, 0.35, palette.body)
    head = brush.turned(0.45 * pose.swing, about=(0.5, 0.3))
    head.polygon([(0.3, 0.4), (0.35, -0.5), (0.65, -0.5), (0.7, 0.4)], palette.body)
    head.ellipse(0.5, -0.6, 0.32, 0.28, palette.body)
    gap = 0.18 * pose.activity
    head.polygon([(0.75, -0.7), (1.3, -0.6 - gap), (0.75, -0.55)], palette.accent)
    head.polygon([(0.75, -0.55), (1.3, -0.5 + gap), (0.75, -0.45)], palette.accent)
    head.ellipse(0.55, -0.68, 0.08, 0.08, palette.line)
    brush.line([(-1.2, 0.85), (1.2, 0.85)], palette.line, 0.1)


def fan(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A table fan: three blades in a ring on a stand; they turn."""
    brush.line([(0, 0.6), (0, 1)], palette.line, 0.14)
    brush.line([(-0.5, 1.05), (0.5, 1.05)], palette.line, 0.16)
    ring = [(0.85 * math.cos(k * math.pi / 8), 0.85 * math.sin(k * math.pi / 8) - 0.25) for k in range(17)]
    brush.line(ring, palette.line, 0.08)
    for number in range(3):
        blade = brush.turned(number * 2 * math.pi / 3 + 9 * pose.turn, about=(0, -0.25))
        blade.ellipse(0.1, -0.65, 0.24, 0.38, palette.body)
    brush.ellipse(0, -0.25, 0.16, 0.16, palette.accent)


def flute(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A slanted tube with holes; notes rise from its end."""
    pipe = brush.turned(-0.5 + 0.25 * pose.swing)
    pipe.polygon([(-1.2, -0.12), (1.2, -0.12), (1.2, 0.16), (-1.2, 0.16)], palette.body)
    for hole in range(-3, 4):
        pipe.ellipse(0.25 * hole, 0.02, 0.08, 0.08, palette.line)
    rise = 0.6 * pose.activity
    for x in (0.2, 0.75):
        brush.ellipse(x - 0.5, 0.95 - rise, 0.15, 0.11, palette.accent)
        brush.line([(x - 0.37, 0.95 - rise), (x - 0.37, 0.45 - rise)], palette.accent, 0.07)


def guitar(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A guitar upright: two bouts, a hole and a long neck; a string swings."""
    brush.ellipse(0, 0.6, 0.65, 0.48, palette.body)
    brush.ellipse(0, 0.05, 0.45, 0.36, palette.body)
    brush.polygon([(-0.1, -1.1), (0.1, -1.1), (0.1, 0.2), (-0.1, 0.2)], palette.line)
    brush.polygon([(-0.2, -1.3), (0.2, -1.3), (0.16, -1), (-0.16, -1)], palette.accent)
    brush.ellipse(0, 0.3, 0.2, 0.2, palette.line)
    brush.line([(0, -1.1), (0.45 * pose.swing, -0.1), (0, 0.85)], palette.accent, 0.09)


def hammer(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A hammer that strikes a nail."""
    brush.line([(-0.75, 0.4), (-0.75, 0.95)], palette.line, 0.1)
    brush.polygon([(-1.1, 0.85), (0.4, 0.85), (0.4, 1.05), (-1.1, 1.05)], palette.accent)
    tool = brush.turned(0.9 - 1.1 * pose.activity, about=(0.8, 0.5))
    tool.polygon([(-0.5, -0.05), (0.95, -0.05), (0.95, 0.12), (-0.5, 0.12)], palette.line)
    tool.polygon([(-0.95, -0.45), (-0.45, -0.45), (-0.45, 0.4), (-0.95, 0.4)], palette.body)


def horse(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A horse from the side on four thin legs, which gallop."""
    brush.polygon([(-0.85, -0.25), (0.6, -0.25), (0.6, 0.3), (-0.85, 0.3)], palette.body)
    neck = brush.turned(0.3 * pose.swing, about=(0.5, 0))
    neck.polygon([(0.35, 0.1), (0.65, -0.95), (0.9, -0.85), (0.75, 0.2)], palette.body)
    neck.polygon([(0.62, -1), (1.25, -0.6), (1.15, -0.4), (0.7, -0.6)], palette.body)
    neck.line([(0.3, -0.2), (0.62, -0.95)], palette.accent, 0.16)
    brush.line([(-0.85, -0.2), (-1.15, 0.4 + 0.2 * pose.swing)], palette.accent, 0.14)
    for number, x in enumerate((-0.75, -0.5, 0.3, 0.55)):
        foot = x + 0.35 * pose.swing * (-1) ** number
        brush.line([(x, 0.25), (foot, 1.05)], palette.line, 0.13)


def kettle(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A kettle with a spout and a handle; steam rises and the lid jumps."""
    brush.polygon([(-0.6, -0.2), (0.6, -0.2), (0.85, 0.8), (-0.85, 0.8)], palette.body)
    brush.polygon([(0.6, 0.35), (1.2, -0.25), (1.25, -0.05), (0.75, 0.6)], palette.body)
    brush.line([(-0.55, -0.2), (-0.5, -0.85), (0.5, -0.85), (0.55, -0.2)], palette.line, 0.14)
    brush.ellipse(0, -0.25 - 0.2 * pose.activity, 0.4, 0.12, palette.line)
    if pose.activity > 0.05:
        for number in range(3):
            size = 0.1 + 0.12 * number * pose.activity
            brush.ellipse(1.15 + 0.1 * pose.swing, -0.4 - 0.35 * number, size, size, palette.accent)


def owl(brush: Brush, palette: Palette, pose: Pose) -> None:
    """An owl from the front: an egg with huge eyes and ear tufts; it lifts its wings."""
    for side in (-1, 1):
        wing = brush.turned(-side * 0.7 * pose.activity, about=(side * 0.5, -0.1))
        wing.ellipse(side * 0.7, 0.35, 0.2, 0.55, palette.line)
        brush.polygon([(side * 0.15, -0.75), (side * 0.6, -1.15), (side * 0.6, -0.5)], palette.body)
    brush.ellipse(0, 0.05, 0.65, 0.95, palette.body)
    brush.ellipse(0, 0.5, 0.4, 0.42, palette.accent)
    for side in (-1, 1):
        brush.ellipse(side * 0.28, -0.35, 0.27, 0.27, palette.line)
        brush.ellipse(side * 0.28 + 0.08 * pose.swing, -0.35, 0.13, 0.13, palette.accent)
    brush.polygon([(-0.1, -0.15), (0.1, -0.15), (0, 0.12)], palette.line)


def phone(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A telephone with a dial; its receiver shakes above it."""
    brush.polygon([(-0.5, -0.2), (0.5, -0.2), (0.95, 0.8), (-0.95, 0.8)], palette.body)
    brush.ellipse(0, 0.35, 0.36, 0.36, palette.line)
    brush.ellipse(0, 0.35, 0.14, 0.14, palette.accent)
    top = brush.turned(0.35 * pose.swing, about=(0, -0.5)).moved(0, -0.2 * pose.activity)
    top.polygon([(-0.9, -0.6), (0.9, -0.6), (0.9, -0.4), (-0.9, -0.4)], palette.accent)
    for side in (-1, 1):
        top.ellipse(side * 0.85, -0.35, 0.27, 0.22, palette.accent)


def robot(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A square head with an aerial and a row of teeth on a square body; its arms go up and down."""
    brush.line([(0, -0.75), (0.3 * pose.swing, -1.15)], palette.line, 0.08)
    brush.polygon([(-0.5, -0.8), (0.5, -0.8), (0.5, -0.05), (-0.5, -0.05)], palette.body)
    brush.polygon([(-0.7, 0.05), (0.7, 0.05), (0.7, 0.9), (-0.7, 0.9)], palette.body)
    for side in (-1, 1):
        x = side * 0.22
        brush.polygon([(x - 0.12, -0.65), (x + 0.12, -0.65), (x + 0.12, -0.42), (x - 0.12, -0.42)], palette.line)
        brush.line([(side * 0.75, 0.2), (side * 1.15, 0.3 - side * 0.7 * pose.swing)], palette.line, 0.16)
    opening = 0.04 + 0.1 * pose.activity
    brush.polygon([(-0.3, -0.2), (0.3, -0.2), (0.3, -0.2 + opening), (-0.3, -0.2 + opening)], palette.accent)
    brush.ellipse(0, 0.45, 0.25, 0.25, palette.accent)


def snake(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A thick wavy line with a head and a forked tongue; it winds."""
    bend = 0.35 + 0.25 * pose.swing
    spine = [(x / 8, bend * math.sin(x * 0.75 + 6 * pose.turn)) for x in range(-9, 7)]
    brush.line(spine, palette.body, 0.34)
    brush.line(spine[::2], palette.accent, 0.1)
    x, y = spine[-1]
    brush.ellipse(x + 0.15, y, 0.32, 0.25, palette.body)
    brush.ellipse(x + 0.2, y - 0.08, 0.08, 0.08, palette.line)
    reach = 0.15 + 0.3 * pose.activity
    for side in (-1, 1):
        brush.line([(x + 0.45, y), (x + 0.45 + reach, y + side * 0.12)], palette.line, 0.06)


def trumpet(brush: Brush, palette: Palette, pose: Pose) -> None:
    """A tube with three valves that widens to a bell; it points up, and its valves go down."""
    brush = brush.turned(-0.3 * pose.activity - 0.1 * pose.swing, about=(-0.9, 0))
    brush.polygon([(-1.2, -0.08), (0.3, -0.1), (1.15, -0.65), (1.15, 0.65), (0.3, 0.1), (-1.2, 0.08)], palette.body)
    brush.line([(-0.6, 0.05), (-0.6, 0.45), (0.2, 0.45), (0.2, 0.05)], palette.body, 0.13)
    for number, x in enumerate((-0.45, -0.2, 0.05)):
        down = 0.2 * pose.activity if number != 1 else 0.0
        brush.line([(x, 0.4), (x, -0.45 + down)], palette.line, 0.13)
    brush.ellipse(1.15, 0, 0.14, 0.62, palette.accent)
