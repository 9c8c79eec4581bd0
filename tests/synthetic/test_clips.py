"""Procedural clips: what moves, sounds; every seed is another clip; the classes can be told apart."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mma_bench import MMABenchError
from mma_bench.synthetic import CLASSES, WIDE_CLASSES, clip_seed, draw_frames, make_scene, play, render

FPS = 25


def motion_and_loudness(name: str, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Change from frame to frame, and root mean square of the sound in between."""
    scene = make_scene(name, seed)
    frames = draw_frames(scene, fps=FPS, size=56).astype(np.int16)
    motion = np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))
    windows = play(scene)[: len(motion) * (16_000 // FPS)].reshape(len(motion), -1)
    return motion, np.sqrt(np.mean(np.square(windows), axis=1))


@pytest.mark.parametrize("name", [name for name in WIDE_CLASSES if name != "Door"])  # a door moves as its creak starts
def test_something_moves_exactly_when_it_sounds(name: str) -> None:
    pairs = [motion_and_loudness(name, seed) for seed in range(4)]
    in_step = np.mean([np.corrcoef(motion, loudness)[0, 1] for motion, loudness in pairs])
    shifted = np.mean([np.corrcoef(np.roll(motion, FPS // 5), loudness)[0, 1] for motion, loudness in pairs])
    assert in_step > (0.5 if name in CLASSES else 0.45)
    assert in_step > shifted + 0.3


def test_a_clip_is_a_function_of_class_and_seed() -> None:
    first, again, other = render("Bell", 3), render("Bell", 3), render("Bell", 4)
    assert (first.frames.shape, first.frames.dtype) == ((4, 112, 112, 3), np.uint8)
    assert (first.samples.shape, first.samples.dtype) == ((16_000,), np.float32)
    for stream in ("frames", "samples"):
        assert np.array_equal(getattr(first, stream), getattr(again, stream))
        assert not np.array_equal(getattr(first, stream), getattr(other, stream))
    assert 0.1 < np.abs(first.samples).max() <= 1
    assert np.array_equal(play(make_scene("Bell", 3)), first.samples)  # without drawing it
    seeds = {split: {clip_seed(split, number) for number in range(1000)} for split in ("train", "test")}
    assert len(seeds["train"]) == len(seeds["test"]) == 1000
    assert not seeds["train"] & seeds["test"]
    assert len(render("Rain", 0, seconds=2.5, fps=8, size=64).frames) == 20


@pytest.mark.parametrize(("name", "seed", "seconds"), [("Zebra", 0, 1.0), ("Bell", -1, 1.0), ("Bell", 0, 0.1)])
def test_clips_that_cannot_be_made_say_why(name: str, seed: int, seconds: float) -> None:
    with pytest.raises(MMABenchError, match="procedural"):
        render(name, seed, seconds=seconds)


def test_classes_can_be_told_apart_by_eye_and_by_ear_alone() -> None:
    """Ridge regression on coarse edges and on a coarse spectrum; chance is 8%. The encoders reach far more."""
    features: dict[str, list[NDArray[np.float64]]] = {"visual": [], "audio": []}
    for number in range(25):
        for name in CLASSES:
            clip = render(name, clip_seed("train", number), size=56)
            light = clip.frames.mean(axis=3).astype(np.float64)
            edges = np.abs(np.diff(light, axis=1))[:, :, 1:] + np.abs(np.diff(light, axis=2))[:, 1:]
            features["visual"].append(np.log1p(edges.mean(0)[:55, :55].reshape(11, 5, 11, 5).mean((1, 3))).ravel())
            spectrum = np.abs(np.fft.rfft(clip.samples[:15_872].reshape(62, 256) * np.hanning(256)))
            coarse = np.log(spectrum[:, :128].reshape(62, 16, 8).mean(2) + 1e-3)
            features["audio"].append(np.concatenate([coarse.mean(0), coarse.std(0), np.sort(coarse, axis=0)[-3]]))
    labels = np.tile(np.arange(len(CLASSES)), 25)
    train, test = np.arange(len(labels)) < 240, np.arange(len(labels)) >= 240
    found = {}
    for modality, rows in features.items():
        table = np.array(rows)
        table = np.c_[(table - table[train].mean(0)) / (table[train].std(0) + 1e-6), np.ones(len(table))]
        known, wanted = table[train], np.eye(len(CLASSES))[labels[train]]
        weights = np.linalg.solve(known.T @ known + 10 * np.eye(known.shape[1]), known.T @ wanted)
        found[modality] = float(np.mean((table[test] @ weights).argmax(1) == labels[test]))
    assert found["audio"] > 0.8, found
    assert found["visual"] > 0.2, found
