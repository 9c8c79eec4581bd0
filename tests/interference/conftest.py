"""Folders of small pictures and sounds by class, drawn here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mma_bench.dataset.media import flac_bytes

CLASSES = ("Dog", "Piano", "Owl", "Train", "Violin")

MakeFolder = Callable[..., Path]


def write_picture(path: Path, seed: int, mode: str = "RGB") -> None:
    """Write a picture of coloured squares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8).repeat(5, 0).repeat(5, 1)
    Image.fromarray(pixels).convert(mode).save(path)


def write_sound(path: Path, seed: int, seconds: float = 0.5) -> None:
    """Write a tone as FLAC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(16000 * seconds)) / 16000
    path.write_bytes(flac_bytes((8000 * np.sin(2 * np.pi * (200 + 50 * seed) * time)).astype(np.int16)))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Sixty pictures of five classes."""
    folder = tmp_path / "photos"
    for number in range(60):
        write_picture(folder / CLASSES[number % 5] / f"{number}.png", number)
    return folder


@pytest.fixture
def noises(tmp_path: Path) -> Path:
    """Ten sounds of five classes."""
    folder = tmp_path / "noises"
    for number in range(10):
        write_sound(folder / CLASSES[number % 5] / f"{number}.flac", number)
    return folder
