"""Graded conflicts: what is in the streams that they encode, measured."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset
from numpy.typing import NDArray

from builder.assemble.conditions import Assembly
from builder.assemble.plan import AssemblePlan
from builder.assemble.settings import AssembleSettings
from builder.assemble.stimuli import make_stimuli
from builder.licences import may_be_joined
from builder.manifest_file import Manifest
from builder.media_folder import clip_file
from builder.normalise import NormaliseSettings
from builder.package.shards import normalised_members
from mma_bench import load
from mma_bench.dataset.integrity import verify_data
from mma_bench.dataset.media import Media, read_flac
from mma_bench.dataset.removed import RemovedIds
from mma_bench.schema import Stimulus
from tests.conftest import ROOT, run_builder, tree

GRADED = {
    "mixed_audio": [-20.0, 0.0, 20.0],
    "blended_frames": [0.25],
    "occluded_frames": [0.25, 0.5],
    "shifted_audio": [-0.5],
    "written_label": [0.12],
}
VARIANTS = ["shuffled_options_1", "none_present", "none_absent", "caption_expert", "noise_tokens_50"]


class Made:
    """The graded stimuli of two clips, and their streams."""

    def __init__(self, work: Path, folder: Path) -> None:
        settings = AssembleSettings(graded=GRADED, graded_clips=2)
        self.clips = work / "normalise" / "clips"
        clips = Manifest(work / "release" / "manifest.parquet")
        classes = sorted({row.visual_label for row in clips})
        video = NormaliseSettings(size=112, seconds=3)
        self.plan = AssemblePlan(folder, self.clips, classes, {}, 0, settings, video)
        self.assembly: Assembly = self.plan.assembly(clips)
        stimuli = [s for clip in self.assembly.clips for s in make_stimuli(self.assembly, clip)]
        self.stimuli = {s.key: s for s in stimuli if s.level is not None}
        self._read = normalised_members(self.clips, self.plan.streams)

    def of(self, condition: str) -> list[Stimulus]:
        return [stimulus for stimulus in self.stimuli.values() if stimulus.condition == condition]

    def media(self, stimulus: Stimulus) -> Media:
        def read(member: str) -> bytes:
            return self._read(stimulus, member)

        return Media(stimulus.key, lambda: read("mp4"), lambda: read("flac"), stimulus.seconds)

    def own_frames(self, clip_id: str | None, seconds: float) -> NDArray[np.float64]:
        file = clip_file(self.clips, clip_id or "", "mp4")
        return Media("own", file.read_bytes, file.read_bytes, seconds).frames(2).astype(np.float64)


@pytest.fixture(scope="module")
def made(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(small_dataset.parent / "work", tmp_path_factory.mktemp("graded"))


def test_sounds_are_mixed_at_the_level_and_never_louder_than_the_clips_own(made: Made) -> None:
    assert len(made.of("mixed_audio")) == 6
    for stimulus in made.of("mixed_audio"):
        stream = stimulus.audio
        own, other = (read_flac(clip_file(made.clips, c or "", "flac")) for c in (stream.clip_id, stream.donor_clip_id))
        mixed = made.media(stimulus).audio().astype(np.float64) * 32768
        length = len(mixed)
        assert length <= min(len(own), len(other)) == round(stream.seconds * 16_000)
        parts = np.stack([own[:length], other[:length]], axis=1).astype(np.float64)
        gains = np.linalg.lstsq(parts, mixed, rcond=None)[0]
        loudness = gains * np.sqrt((parts**2).mean(axis=0))
        assert abs(20 * np.log10(loudness[1] / loudness[0]) - stimulus.level) < 0.2
        assert np.abs(mixed - parts @ gains).max() < 2  # nothing else is in it, and nothing clips
        assert np.sqrt((mixed**2).mean()) < 1.05 * np.sqrt((parts[:, 0] ** 2).mean())
        assert {(q.answer, q.distractor) for q in stimulus.questions} == {(stream.label, stream.donor_label)}
        assert stream.label != stream.donor_label


def test_frames_are_blended_and_occluded_by_the_share(made: Made) -> None:
    for stimulus in made.of("blended_frames"):
        video = stimulus.video
        frames = made.media(stimulus).frames(2).astype(np.float64)
        own, other = (made.own_frames(c, stimulus.seconds) for c in (video.clip_id, video.donor_clip_id))
        assert np.abs(frames - (0.75 * own + 0.25 * other)).mean() < 4
        assert np.abs(frames - own).mean() > 8
    occluded = made.of("occluded_frames")
    covered = {(s.video.clip_id, s.level): made.media(s).frames(2).max(axis=-1) < 16 for s in occluded}
    for (clip, level), black in covered.items():
        plain = made.own_frames(clip, 3).max(axis=-1) < 16
        assert abs(black.mean() - (level + (1 - level) * plain.mean())) < 0.06
        assert (covered[clip, 0.25] & ~covered[clip, 0.5]).mean() < 0.03  # nested
    for stimulus in occluded:
        assert stimulus.audio.origin == "clip"
        assert stimulus.video.label != stimulus.audio.label


def test_a_sound_is_turned_round(made: Made) -> None:
    for stimulus in made.of("shifted_audio"):
        own = read_flac(clip_file(made.clips, stimulus.audio.clip_id or "", "flac"))
        shifted = np.rint(made.media(stimulus).audio() * 32768).astype(np.int16)
        assert (shifted == np.roll(own, -8000)[: len(shifted)]).all()


def test_streams_are_the_same_bytes_again_and_nothing_of_them_is_made_twice(made: Made, tmp_path: Path) -> None:
    again = Made(made.clips.parents[1], tmp_path)
    assert again.stimuli == made.stimuli
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert Made(made.clips.parents[1], tmp_path).stimuli == made.stimuli
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_removed_clip_takes_with_it_what_it_was_mixed_into(made: Made) -> None:
    stimulus = made.of("mixed_audio")[0]
    assert stimulus.audio.donor_clip_id not in (stimulus.video.clip_id, stimulus.audio.clip_id)
    assert RemovedIds(frozenset({str(stimulus.audio.donor_clip_id)})).cover(stimulus)


def test_licences_that_exclude_each_other_are_not_joined() -> None:
    gpl, shared = "video: public domain; audio: GPL-3.0-only", "video: CC0-1.0; audio: CC-BY-SA-3.0"
    assert not may_be_joined("audio", gpl, shared)
    assert may_be_joined("video", gpl, shared)
    assert may_be_joined("audio", shared, "CC-BY-SA-4.0")
    assert may_be_joined("audio", "unknown", "CC-BY-4.0")
    assert not may_be_joined("audio", "CC-BY-ND-4.0", "CC0-1.0")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("assemble.graded={mixed_audio: [80]}", "a level must lie from -60 and 60 dB"),
        ("assemble.graded={blended_frames: [1]}", "a level must lie between 0 and 1 share"),
        ("assemble.graded={shifted_audio: [0]}", "not be 0"),
        ("assemble.graded={misaligned: [1]}", "there is no graded condition 'misaligned'"),
        ("assemble.conditions=[mixed_audio]", "mixed_audio comes in levels"),
        ("assemble.variants=[rhymed]", "there is no variant 'rhymed'"),
        ("assemble.partners=same_super_class", "has none; the folder source takes them as source.super_classes"),
        ("assemble.variants=[hard_options]", "hard_options needs a super-class for every class"),
        ("source.super_classes={Animal: [Unicorn]}", "'Unicorn' is not among the class names"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(small_config: Path, tmp_path: Path, setting: str, message: str) -> None:
    from click.testing import CliRunner

    from builder.cli import main

    folders = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["run", "--config", str(small_config), *folders, "--dry-run", "--set", setting])
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_build_of_everything_survives_a_kill_verifies_and_loads(small_config: Path, tmp_path: Path) -> None:
    def arguments(name: str) -> list[str]:
        settings = {"graded": GRADED, "variants": VARIANTS, "noise_letters": 200}
        changes = [part for key, value in settings.items() for part in ("--set", f"assemble.{key}={value}")]
        places = ["--work", str(tmp_path / name / "work"), "--out", str(tmp_path / name / "out")]
        return ["run", "--config", str(small_config), *places, *changes]

    run_builder(*arguments("whole"))
    files = tree(tmp_path / "whole" / "out")
    streams = tmp_path / "cut" / "work" / "assemble" / "streams" / "graded"
    process = subprocess.Popen([sys.executable, "-m", "builder", *arguments("cut")], cwd=ROOT, start_new_session=True)
    while len(list(streams.glob("*/*_*_*.*"))) < 3 and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    run_builder(*arguments("cut"))
    assert tree(tmp_path / "cut" / "out") == files
    out = tmp_path / "whole" / "out"
    assert verify_data(out) == []
    assert {row.variant for row in load(out, variant=None)} == {"standard", *VARIANTS}
    assert {row.variant for row in load(out)} == {"standard"}
    for streaming in (False, True):
        row = next(iter(load_dataset(str(out), "mixed_audio", split="test", streaming=streaming)))
        assert row["json"]["level"] in GRADED["mixed_audio"]
        assert row["json"]["audio"]["donor_clip_id"]
