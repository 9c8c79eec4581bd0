"""A class name as letters on a plate, to lay over the frames of a video.

The font is DejaVu Sans Bold, which matplotlib carries; its file is fixed by its hash, so that the letters cannot change
unnoticed. White letters on a dark plate are legible on any picture. They are at the bottom, where captions are, so that
they cover little of what the picture shows.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import bidirectional

import numpy as np
from numpy.typing import NDArray

from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_file

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FONT = "DejaVuSans-Bold.ttf"
_FONT_SHA256 = "b184b89e3c1075f22f6b71575b6fc20d4972b3cfd3b23322ca6fd596dcaef167"
_MARGIN = 0.02
"""Least distance of the plate from the edges of the frame, as a share of it."""
_PADDING = 0.2
"""Of the plate around the letters, as a share of their height."""
_LINE = 1.15
"""Height of a line, as a multiple of that of the letters."""
_PLATE_ALPHA = 200
_LARGE = 40
"""Height in pixels at which each visible character leaves a mark."""


class LetteringError(MMABenchError):
    """A class name cannot be written."""


class TooLargeError(LetteringError):
    """A class name in letters of this size does not fit into a frame."""


def lettering(text: str, size: int, share: float) -> NDArray[np.uint8]:
    """Return ``text`` on its plate.

    Args:
        text: a class name in words; words go on the next line where they do not fit.
        size: width and height of the frames, pixels.
        share: height of the letters (the em of the font) as a share of the frame's.

    Returns:
        Shape [size, size, 4], uint8, RGBA; alpha is 0 outside the plate.

    Raises:
        LetteringError: the font cannot write it.
        TooLargeError: it does not fit.
    """
    check_legible(text)
    from PIL import Image, ImageDraw

    height = max(1, round(share * size))
    font, padding, step = _font(height), round(_PADDING * height), round(_LINE * height)
    lines = _lines(text, font, size - 2 * (round(_MARGIN * size) + padding))
    widest = max(round(font.getlength(line)) for line in lines)
    plate_height = step * len(lines) + 2 * padding
    bottom = size - round(_MARGIN * size)
    if plate_height > bottom:
        raise TooLargeError(f"{text!r} has {len(lines)} lines of {height} pixels, too many for a frame of {size}")
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    left, top = (size - widest) // 2 - padding, bottom - plate_height
    draw.rectangle((left, top, left + widest + 2 * padding - 1, bottom - 1), fill=(0, 0, 0, _PLATE_ALPHA))
    for number, line in enumerate(lines):
        middle = top + padding + step * number + step // 2
        draw.text((size // 2, middle), line, font=font, fill=(255, 255, 255, 255), anchor="mm")
    return np.asarray(image, dtype=np.uint8)


def letters_version() -> str:
    """Return what else decides the pixels: the font and the library that draws it."""
    return f"{FONT} by Pillow {version('pillow')}"


def check_legible(text: str) -> None:
    """Raise LetteringError if the font cannot write ``text``: it would draw the same box for all such letters.

    Letters are drawn one after the other from left to right, so scripts that run the other way, or whose letters change
    with their neighbours, are refused even if the font has them. So are characters that leave no mark.
    """
    for letter in text:
        if not letter.isspace() and not _is_legible(letter):
            raise LetteringError(
                f"written_label: {FONT} cannot write U+{ord(letter):04X} of the class {text!r:.80}; leave "
                "written_label out of assemble.graded, or give the classes names in letters that the font has"
            )
    if not text.strip():
        raise LetteringError(f"written_label: the class {text!r:.80} has no letters to write")


@cache
def _is_legible(letter: str) -> bool:
    font = _font(_LARGE)
    has_glyph, leaves_a_mark = ord(letter) in _characters(), font.getmask(letter).getbbox() is not None
    return has_glyph and leaves_a_mark and bidirectional(letter) not in ("R", "AL")


def check_fits(names: Iterable[str], size: int, shares: Sequence[float]) -> None:
    """Raise MMABenchError if a name cannot be written or does not fit at one of ``shares``; name the largest that fits.

    All names must fit: otherwise the clips of a large size would be others than those of a small one.
    """
    known = list(names)
    for share in shares:
        misfit = next((name for name in known if not _fits(name, size, share)), None)
        if misfit is not None:
            best = next((n for n in range(99, 0, -1) if all(_fits(name, size, n / 100) for name in known)), 0)
            raise MMABenchError(
                f"assemble.graded: written_label at {share:g}: {misfit!r} does not fit into a frame of {size} pixels; "
                f"with these classes, give at most {best / 100:g}"
            )


def _fits(text: str, size: int, share: float) -> bool:
    try:
        lettering(text, size, share)
    except TooLargeError:
        return False
    return True


def _lines(text: str, font: "FreeTypeFont", width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if font.getlength(word) > width:
            raise TooLargeError(f"{word!r} is wider than a frame in letters of this size")
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@cache
def _font(height: int) -> "FreeTypeFont":
    from PIL import ImageFont

    # The basic layout does not depend on a library that Pillow may have been built with.
    return ImageFont.truetype(str(_font_file()), height, layout_engine=ImageFont.Layout.BASIC)


@cache
def _characters() -> frozenset[int]:
    """Return the code points that the font has a glyph for."""
    from matplotlib.ft2font import FT2Font

    return frozenset(code for code, glyph in FT2Font(str(_font_file())).get_charmap().items() if glyph)


@cache
def _font_file() -> Path:
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / FONT
    if not path.is_file() or sha256_file(path) != _FONT_SHA256:
        raise MMABenchError(f"matplotlib has no {FONT} of the expected content in {path.parent}; install it again")
    return path
